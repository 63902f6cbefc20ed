"""A real python-osc client moves a session of a real ComfyUI."""

from __future__ import annotations

import random
import socket
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import restyle
from live_session import Run, Session
from pythonosc.udp_client import SimpleUDPClient

SECRET = "the controller's own"
HEADERS = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": SECRET}
STRENGTH = "/livestyle/restyle_live/strength"
"""The template calls the node so."""

KNOBS = (
    ("4.strength", STRENGTH),
    ("4.seed", "/livestyle/restyle_live/seed"),
    ("3.prompt", "/livestyle/what_to_do_live/prompt"),
    ("4.strength", ""),
)
"""Keys and addresses; without one the page's socket takes the change."""


@pytest.fixture
def session(server: ComfyServer, checkpoint: str, long_clip: str) -> Iterator[Session]:
    """A session that plays until the test ends, queued by a program with a secret."""
    client = ComfyClient(server.url, SECRET)
    run = Run(client, restyle(long_clip, checkpoint))
    run.wait_frames(4)
    (listed,) = client.request("/livestyle/sessions", headers=HEADERS)["sessions"]
    yield Session(server.url, listed["session"], listed["token"])
    client.interrupt()
    run.end()


@pytest.fixture
def osc(server: ComfyServer, session: Session) -> Iterator[SimpleUDPClient]:
    """A client of the port that the program has opened."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    program = ComfyClient(server.url)
    assert program.request("/livestyle/osc", {"port": port}, HEADERS) == {"port": port}
    yield SimpleUDPClient("127.0.0.1", port)
    assert program.request("/livestyle/osc", {"port": 0}, HEADERS) == {"port": 0}


def test_a_message_is_applied_as_soon_as_a_widgets_change(session: Session, osc: SimpleUDPClient) -> None:
    """By turns over OSC and over the page's socket, at random moments of a chunk, so that load acts on both.

    The figures of docs/perform.md: ``pytest -s tests/comfyui/test_osc.py -k as_soon``.
    """
    chance = random.Random(0)
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    chunks: list[int] = []
    with session.socket() as page:
        for number in range(80):
            key, address = KNOBS[number % 4]
            value = {"3.prompt": f"oil painting {number}", "4.seed": number}.get(key, number / 80)
            time.sleep(chance.uniform(0, 0.15))
            sent = time.monotonic()
            if address:
                osc.send_message(address, value)
            else:
                page.send(type="set", key=key, value=value)
            for kind in ("received", "applied"):
                answer = page.wait_for(kind, key=key)
                times[f"{key} by {address or 'the socket'}"][kind].append(1000 * (time.monotonic() - sent))
            chunks.append(answer["chunk"])
        stages = page.wait_for("telemetry")["stages"]
    assert chunks == sorted(set(chunks))
    for name, kinds in times.items():
        for kind, ms in kinds.items():
            print(f"{name} {kind}: median {statistics.median(ms):.1f}, p95 {sorted(ms)[18]:.1f} ms")
    print("a chunk:", {name: stages[name]["p50_ms"] for name in ("encode", "denoise", "decode")})


def test_of_600_changes_at_60_hz_the_last_one_is_applied(session: Session, osc: SimpleUDPClient) -> None:
    with session.socket() as page:
        start = time.monotonic()
        for number in range(1, 601):
            osc.send_message(STRENGTH, number / 600)
            time.sleep(max(0.0, start + number / 60 - time.monotonic()))
        values = []
        while not values or values[-1] != 1.0:
            values.append(page.wait_for("received", key="4.strength")["value"])
        page.wait_for("applied", key="4.strength")
    assert len(values) == 600 and values == sorted(values)


def test_every_node_has_a_readable_address(
    server: ComfyServer, session: Session, osc: SimpleUDPClient
) -> None:
    listed = ComfyClient(server.url).request("/livestyle/osc", headers=HEADERS)
    addresses = {each["key"]: each["address"] for each in listed["controls"]}
    assert addresses["4.strength"] == STRENGTH
    assert addresses["3.prompt"] == "/livestyle/what_to_do_live/prompt"
    assert listed["warnings"] == [] and listed["host"] == "127.0.0.1"

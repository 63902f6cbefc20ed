"""A real python-osc client moves a session of a real ComfyUI."""

from __future__ import annotations

import math
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
from live_session import Run, Session, Socket
from pythonosc.udp_client import SimpleUDPClient
from sample_clips import make_clip

SECRET = "the controller's own"
HEADERS = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": SECRET}
STRENGTH = "/livestyle/restyle_live/strength"
"""The template calls the node so."""

KNOBS: dict[str, tuple[str, str]] = {
    "a number by OSC": ("4.strength", STRENGTH),
    "a seed by OSC": ("4.seed", "/livestyle/restyle_live/seed"),
    "a prompt by OSC": ("3.prompt", "/livestyle/what_to_do_live/prompt"),
    "a number by HTTP": ("4.strength", "HTTP"),
    "a number on the page": ("4.strength", "set"),
    "a prompt on the page": ("3.prompt", "set"),
    "a preset on the page": ("4.strength", "recall"),
    "a modulator on the page": ("4.strength", "modulate"),
}
"""What is moved: its key, and how. MIDI and gamepads send what a number or a preset on the page sends."""

TURNS = 20

UNHEARD = 120
"""Two seconds of messages: Linux keeps some 270 for a ComfyUI that stands still, and drops the rest."""


@pytest.fixture(scope="module")
def long_film(server: ComfyServer) -> str:
    """Five minutes: on a fast machine, too, more than 160 changes take."""
    return make_clip(server.input / "long_film.mp4", frames=300 * 24, size=(64, 48), audio=False).name


@pytest.fixture
def session(server: ComfyServer, checkpoint: str, long_film: str) -> Iterator[Session]:
    """A session that plays until the test ends, queued by a program with a secret."""
    client = ComfyClient(server.url, SECRET)
    run = Run(client, restyle(long_film, checkpoint))
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


def _send(
    how: str, key: str, value: float | int | str, osc: SimpleUDPClient, session: Session, page: Socket
) -> None:
    match how:
        case "HTTP":
            path = f"/livestyle/sessions/{session.id}/live"
            ComfyClient(session.url).request(path, {"token": session.token, "values": {key: value}})
        case "set":
            page.send(type="set", key=key, value=value)
        case "recall":
            page.send(type="recall", values={key: value, "4.seed": 7}, fade=0)
        case "modulate":
            page.send(type="modulate", key=key, modulator={"signal": "sine", "offset": value, "depth": 0.1})
        case _:
            osc.send_message(how, value)


def test_a_message_is_applied_as_soon_as_a_widgets_change(session: Session, osc: SimpleUDPClient) -> None:
    """All ways by turns, at random moments of a chunk, so that load acts on all.

    The figures of docs/perform.md: ``pytest -s tests/comfyui/test_osc.py -k as_soon``.
    """
    chance = random.Random(0)
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    chunks: list[int] = []
    with session.socket() as page:
        for number in range(TURNS * len(KNOBS)):
            name, (key, how) = list(KNOBS.items())[number % len(KNOBS)]
            value = {"3.prompt": f"oil painting {number}", "4.seed": number}.get(key, number / 200)
            time.sleep(chance.uniform(0, 0.15))
            sent = time.monotonic()
            _send(how, key, value, osc, session, page)
            for kind in ("received", "applied"):
                answer = page.wait_for(kind, key=key)
                times[name][kind].append(1000 * (time.monotonic() - sent))
            chunks.append(answer["chunk"])
        stages = page.wait_for("telemetry")["stages"]
    assert chunks == sorted(set(chunks))
    for name, kinds in times.items():
        for kind, ms in kinds.items():
            p95 = sorted(ms)[math.ceil(0.95 * TURNS) - 1]
            print(f"{name}, {kind}: median {statistics.median(ms):.1f}, p95 {p95:.1f} ms")
    print("a chunk:", {name: stages[name]["p50_ms"] for name in ("encode", "denoise", "decode")})


def test_of_600_changes_at_60_hz_the_last_one_is_applied(session: Session, osc: SimpleUDPClient) -> None:
    values: list[float] = []
    with session.socket() as page:

        def hear() -> None:
            values.append(page.wait_for("received", key="4.strength")["value"])

        start = time.monotonic()
        for number in range(1, 601):
            while number - len(values) > UNHEARD:
                hear()
            osc.send_message(STRENGTH, number / 600)
            time.sleep(max(0.0, start + number / 60 - time.monotonic()))
        while not values or values[-1] != 1.0:
            hear()
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

"""OSC from a real python-osc client to real routes and sessions of a stub family."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder, build_msg
from pythonosc.osc_packet import OscPacket
from pythonosc.udp_client import SimpleUDPClient
from route_client import FOREIGN, OWNER, PAGE, PATIENCE_S, SECRET, next_frame, serve, socket_of, start
from runtime_stubs import read, stylise, write

from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import LiveParameter
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession
from livestyle.server.osc_bindings import can_be_learned, from_fader, one_value, to_fader
from livestyle.server.osc_port import RATE, OscPort
from livestyle.server.owners import hash_secret, set_owner

STRENGTH = "/livestyle/stream_denoise/strength"
TITLES = {"2": "Stream Denoise", "p": "Words"}


def _free_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def port() -> int:
    return _free_port()


@pytest.fixture
def sender(port: int) -> Iterator[SimpleUDPClient]:
    client = SimpleUDPClient("127.0.0.1", port)
    yield client
    client._sock.close()


@pytest.fixture
def session(registry: SessionRegistry) -> StreamSession:
    """Plays slowly, and for longer than a test lasts."""
    session = start(registry)
    set_owner(session, write(stylise(read())), "tab", hash_secret(SECRET), TITLES)
    return session


async def _open(client: TestClient, session: StreamSession, port: int, **learned: Any) -> None:
    async with socket_of(client, session) as page:
        await page.send_json({"type": "credit", "n": 1})
        await next_frame(page)
    answer = await client.post("/livestyle/osc", json={"port": port, **learned}, headers=OWNER)
    assert answer.status == 200 and await answer.json() == {"port": port}, await answer.text()


async def _state(client: TestClient) -> dict[str, Any]:
    return await (await client.get("/livestyle/osc", headers=OWNER)).json()


async def _until(true: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


def test_an_address_moves_a_value_and_the_page_lists_it(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    receipts: list[Any] = []
    session.listen(receipts.append)

    async def talk(client: TestClient) -> None:
        await _open(client, session, port)
        sender.send_message(STRENGTH, 0.3)
        sender.send_message("/livestyle/words/prompt", "ink")
        sender.send_message("/livestyle/node/2/seed", 7)
        values = {"2.strength": 0.3, "2.seed": 7, "p.prompt": "ink", "9.volume": 1.0}
        await _until(lambda: dict(session.store.snapshot()) == values)
        await _until(lambda: any(each["type"] == "applied" and each["key"] == "2.seed" for each in receipts))
        state = await _state(client)
        assert (state["host"], state["port"], state["problems"]) == ("127.0.0.1", port, [])
        (strength,) = [each for each in state["controls"] if each["key"] == "2.strength"]
        assert [strength[name] for name in ("address", "minimum", "maximum", "value")] == [
            STRENGTH,
            0,
            1,
            0.3,
        ]

    serve(registry, talk)


def test_of_a_bundle_all_acts(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    bundle = OscBundleBuilder(2_000_000_000)  # its time is years ahead
    bundle.add_content(build_msg(STRENGTH, 0.5))
    bundle.add_content(build_msg("/livestyle/stream_denoise/seed", 3))

    async def talk(client: TestClient) -> None:
        await _open(client, session, port)
        sender.send(bundle.build())
        await _until(lambda: session.store.snapshot()["2.seed"] == 3)
        assert session.store.snapshot()["2.strength"] == 0.5

    serve(registry, talk)


def test_wrong_types_and_ranges_are_told_and_harmless(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    wrong = [
        (STRENGTH, value) for value in (7.0, "much", True, None, b"blob", [1, 2], float("nan"), float("inf"))
    ]
    wrong += [("/livestyle/stream_denoise/seed", 1.5), ("/livestyle/words/prompt", 3), ("/livestyle/none", 1)]
    wrong += [("/livestyle/preset", 4), ("/livestyle/subscribe", 80), ("/livestyle/subscribe", "me")]

    async def talk(client: TestClient) -> None:
        await _open(client, session, port)
        before = dict(session.store.snapshot())
        for address, value in wrong:
            sender.send_message(address, value)
        sender.send_message(STRENGTH, [])
        sender._sock.sendto(b"\xff" * 40, ("127.0.0.1", port))
        sender.send_message("/livestyle/words/prompt", "after all that")
        await _until(lambda: session.store.snapshot()["p.prompt"] == "after all that")
        assert dict(session.store.snapshot()) == {**before, "p.prompt": "after all that"}
        problems = (await _state(client))["problems"]
        assert len(problems) == len(wrong) + 2
        assert all(line and len(line.splitlines()) == 1 for line in problems)

    serve(registry, talk)


def test_of_600_changes_at_60_hz_the_last_one_is_applied(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    applied: list[Any] = []
    session.listen(lambda event: applied.append(event["seq"]) if event["type"] == "applied" else None)

    async def talk(client: TestClient) -> None:
        await _open(client, session, port)
        for number in range(600):
            sender.send_message(STRENGTH, (number + 1) / 600)
            await asyncio.sleep(1 / 60)
        await _until(lambda: session.store.snapshot()["2.strength"] == 1.0)
        await _until(lambda: applied and applied[-1] == 600)
        assert (await _state(client))["problems"] == []

    serve(registry, talk)


def test_a_fader_is_learned_and_covers_the_range(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    async def talk(client: TestClient) -> None:
        await _open(client, session, port)
        waiting = asyncio.create_task(client.post("/livestyle/osc/learn", headers=OWNER))
        while not waiting.done():
            sender.send_message(STRENGTH, 0.5)  # ours can't be learned
            sender.send_message("/1/fader1", 0.5)
            await asyncio.wait({waiting}, timeout=0.1)
        answer = await (await waiting).json()
        assert answer == {"address": "/1/fader1"}
        learned = {"2.strength": "/1/fader1", "p.prompt": "/1/fader1"}
        await _open(client, session, port, learned=learned)
        assert any("/1/fader1 moves" in line for line in (await _state(client))["warnings"])
        await _open(client, session, port, learned={"2.strength": "/1/fader1"})
        sender.send_message("/1/fader1", 0.25)
        await _until(lambda: session.store.snapshot()["2.strength"] == 0.25)

    serve(registry, talk)


def test_other_controllers_follow(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    class Motor(asyncio.DatagramProtocol):
        heard: list[tuple[str, Any]] = []

        def datagram_received(self, data: bytes, addr: Any) -> None:
            (timed,) = OscPacket(data).messages
            self.heard.append((timed.message.address, timed.message.params[0]))

    async def talk(client: TestClient) -> None:
        await _open(client, session, port, learned={"2.strength": "/1/fader1"})
        loop = asyncio.get_running_loop()
        transport, motor = await loop.create_datagram_endpoint(Motor, local_addr=("127.0.0.1", 0))
        listens = transport.get_extra_info("sockname")[1]
        transport.sendto(build_msg("/livestyle/subscribe", listens).dgram, ("127.0.0.1", port))
        await _until(lambda: (STRENGTH, 1.0) in motor.heard and ("/1/fader1", 1.0) in motor.heard)
        session.store.set("2.strength", 0.5)  # as a page does
        await _until(lambda: (STRENGTH, 0.5) in motor.heard and ("/1/fader1", 0.5) in motor.heard)
        sender.send_message(STRENGTH, 0.25)
        await _until(lambda: (STRENGTH, 0.25) in motor.heard)
        transport.sendto(build_msg(STRENGTH, 0.125).dgram, ("127.0.0.1", port))
        await _until(lambda: session.store.snapshot()["2.strength"] == 0.125)
        session.store.set("2.seed", 2**40)
        await _until(lambda: ("/livestyle/stream_denoise/seed", 2**40) in motor.heard)
        assert (STRENGTH, 0.125) not in motor.heard  # nobody is told what they sent
        transport.close()

    serve(registry, talk)


def test_actions_and_presets(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    preset = {"name": "Dusk", "values": {"2.strength": 0.25}}
    cues = {"list": [{"preset": "Dusk"}, {"name": "Dark", "values": {"2.strength": 0}}]}
    bank = {"format": "livestyle-presets", "version": 2, "presets": [preset], "cues": cues}

    async def talk(client: TestClient) -> None:
        await _open(client, session, port)
        path = f"/livestyle/sessions/{session.id}/presets"
        assert (await client.post(path, json={"token": session.token, "bank": bank})).status == 200
        sender.send_message("/livestyle/preset", 1.0)
        await _until(lambda: session.store.snapshot()["2.strength"] == 0.25)
        session.store.set("2.strength", 1.0)
        sender.send_message("/livestyle/preset", "Dusk")
        await _until(lambda: session.store.snapshot()["2.strength"] == 0.25)
        for address, strength in (("go", 0.25), ("go", 0.0), ("back", 0.25)):
            sender.send_message(f"/livestyle/{address}", [])
            await _until(lambda wanted=strength: session.store.snapshot()["2.strength"] == wanted)
        sender.send_message("/livestyle/hold", 1)
        await _until(lambda: session.store.cues.held)
        sender.send_message("/livestyle/record", 0)
        await _until(lambda: not session.recorders["9"].on)
        sender.send_message("/livestyle/stop", 0)  # a button that is let go
        sender.send_message("/livestyle/record", 1)
        await _until(lambda: session.recorders["9"].on)
        assert session.state == "running"
        sender.send_message("/livestyle/stop", 1)
        await _until(lambda: session.state == "draining")

    serve(registry, talk)


def test_osc_moves_only_the_sessions_of_those_who_let_it_in(
    registry: SessionRegistry, session: StreamSession, port: int, sender: SimpleUDPClient
) -> None:
    async def talk(client: TestClient) -> None:
        await _open(client, session, port)
        stranger = {**PAGE, "X-LiveStyle-Client-Secret": "another tab's"}
        answer = await client.post("/livestyle/osc", json={"port": port}, headers=stranger)
        assert answer.status == 200
        assert (await (await client.get("/livestyle/osc", headers=stranger)).json())["controls"] == []
        await client.post("/livestyle/osc", json={"port": 0}, headers=OWNER)
        sender.send_message(STRENGTH, 0.5)
        deadline = time.monotonic() + PATIENCE_S
        while not (problems := (await _state(client))["problems"]) or STRENGTH not in problems[-1]:
            assert time.monotonic() < deadline, problems
            await asyncio.sleep(0.02)
        assert session.store.snapshot()["2.strength"] == 1.0
        await client.post("/livestyle/osc", json={"port": 0}, headers=stranger)
        assert (await _state(client))["port"] == 0

    serve(registry, talk)


def test_who_may_not_let_osc_in(registry: SessionRegistry, port: int) -> None:
    async def talk(client: TestClient) -> None:
        for headers, status in (({}, 403), ({**OWNER, **FOREIGN}, 403), (PAGE, 401)):
            assert (
                await client.post("/livestyle/osc", json={"port": port}, headers=headers)
            ).status == status
            assert (await client.get("/livestyle/osc", headers=headers)).status == status
        for body in (
            {},
            {"port": 80},
            {"port": 70_000},
            {"port": port, "learned": {"2.seed": "/livestyle/x"}},
        ):
            answer = await client.post("/livestyle/osc", json=body, headers=OWNER)
            assert answer.status == 400 and len((await answer.text()).splitlines()) == 1
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
            taken.bind(("127.0.0.1", port))
            answer = await client.post("/livestyle/osc", json={"port": port}, headers=OWNER)
            assert answer.status == 400 and "choose another port" in await answer.text()

    serve(registry, talk)


def test_a_flood_is_cut_off_with_one_line() -> None:
    heard, problems = [], []
    door = OscPort(lambda *message: heard.append(message), problems.append)
    data = build_msg("/a", 1).dgram
    for _ in range(RATE + 500):
        door.datagram_received(data, ("127.0.0.1", 9))
    # A second may have passed on a busy machine.
    assert RATE <= len(heard) <= RATE + 500
    assert len(problems) <= 1 and len(problems) == (len(heard) < RATE + 500)


@given(
    st.binary(max_size=64)
    | st.builds(lambda tail: b"#bundle\0" + tail, st.binary(max_size=64))
    | st.builds(lambda tags, tail: b"/a\0\0," + tags + tail, st.binary(max_size=8), st.binary(max_size=32))
)
def test_no_bytes_are_too_odd(data: bytes) -> None:
    logging.disable(logging.WARNING)
    heard, problems = [], []
    OscPort(lambda *message: heard.append(message), problems.append).datagram_received(data, ("::1", 9, 0, 0))
    assert len(problems) <= 1
    logging.disable(logging.NOTSET)


def test_bundles_in_bundles_end() -> None:
    data = build_msg("/a", 1).dgram
    for _ in range(2000):
        data = b"#bundle\0" + b"\0" * 8 + len(data).to_bytes(4, "big") + data
    problems: list[str] = []
    OscPort(lambda *message: None, problems.append).datagram_received(data, ("127.0.0.1", 9))
    assert len(problems) == 1


values = st.lists(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    max_size=2,
)
SPECS = (
    LiveParameter("2.strength", "float", 1.0, 0.0, 1.0),
    LiveParameter("2.seed", "int", 0, 0, 2**53 - 1),
    LiveParameter("2.prompt", "text", "", maximum=10),
    LiveParameter("2.open", "float", 0.0),
)


@given(values, st.sampled_from(SPECS))
def test_an_argument_is_a_value_in_range_or_refused(arguments: list[Any], spec: LiveParameter) -> None:
    try:
        value = from_fader(spec, one_value(arguments))
    except SettingError:
        return
    if not isinstance(value, str) and spec.kind != "text":
        assert spec.minimum <= value <= spec.maximum
        assert 0 <= to_fader(spec, value) <= 1


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("/1/fader1", True),
        ("/livestyler", True),
        ("/livestyle", False),
        ("/livestyle/a", False),
        ("1", False),
    ],
)
def test_what_can_be_learned(address: str, fits: bool) -> None:
    assert can_be_learned(address) == fits


def test_a_builder_may_send_an_empty_text() -> None:
    """Which python-osc's short form leaves out."""
    builder = OscMessageBuilder("/livestyle/words/prompt")
    builder.add_arg("")
    assert one_value(OscPacket(builder.build().dgram).messages[0].message.params) == ""


def test_without_the_package_it_says_how_to_get_it(
    registry: SessionRegistry, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pythonosc", None)

    async def talk(client: TestClient) -> None:
        answer = await client.post("/livestyle/osc", json={"port": port}, headers=OWNER)
        assert answer.status == 501 and "pip install python-osc" in await answer.text()
        assert (await _state(client))["port"] == 0

    serve(registry, talk)

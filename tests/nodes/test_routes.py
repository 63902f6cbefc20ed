"""The routes over real HTTP and a real websocket, with real sessions of a stub family."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image
from runtime_stubs import Behaviour, Zoo, read, stylise, write

from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession
from livestyle.nodes.announce import own
from livestyle.nodes.messages import RATE
from livestyle.nodes.routes import register_routes

PAGE = {"X-LiveStyle": "1"}
FOREIGN = {"Origin": "http://evil.example"}


@pytest.fixture
def registry() -> Iterator[SessionRegistry]:
    made = SessionRegistry()
    yield made
    made.close()


@pytest.fixture
def session(registry: SessionRegistry) -> StreamSession:
    """Plays slowly, and for longer than a test lasts."""
    return _start(registry)


def _start(registry: SessionRegistry, client: str = "tab", **source: Any) -> StreamSession:
    plan = write(stylise(read(**{"length": 100_000, "size": (64, 48), **source})))
    session = registry.open(plan, Zoo({"stub": Behaviour(delays={"step": 0.02})}))
    own(session, plan, client)
    session.start()
    return session


def _serve(registry: SessionRegistry, talk: Callable[[TestClient], Awaitable[None]]) -> None:
    async def run() -> None:
        table = web.RouteTableDef()
        register_routes(table, registry)
        app = web.Application()
        app.add_routes(table)
        async with TestClient(TestServer(app)) as client:
            await asyncio.wait_for(talk(client), 30)

    asyncio.run(run())


@asynccontextmanager
async def _socket(client: TestClient, session: StreamSession, **options: Any) -> AsyncIterator[Any]:
    path = f"/livestyle/sessions/{session.id}/ws?token={session.token}"
    async with client.ws_connect(path, **options) as socket:
        yield socket


async def _next(socket: Any, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The next text message that fits."""
    while True:
        message = await socket.receive(timeout=10)
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), message
        if message.type is WSMsgType.TEXT and wanted(data := json.loads(message.data)):
            return data


async def _frame(socket: Any) -> tuple[dict[str, Any], bytes]:
    while True:
        message = await socket.receive(timeout=10)
        if message.type is WSMsgType.BINARY:
            (length,) = struct.unpack(">I", message.data[:4])
            return json.loads(message.data[4 : 4 + length]), message.data[4 + length :]


def _is(kind: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message["type"] == kind


def test_the_list_is_for_pages_of_the_same_origin(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        for headers in ({}, {**PAGE, **FOREIGN}, {**PAGE, "Sec-Fetch-Site": "cross-site"}):
            assert (await client.get("/livestyle/sessions", headers=headers)).status == 403
        own_origin = {"Origin": str(client.make_url("")).rstrip("/")}
        for headers in (PAGE, {**PAGE, **own_origin}, {**PAGE, "Sec-Fetch-Site": "same-origin"}):
            answer = await client.get("/livestyle/sessions", headers=headers)
            listed = (await answer.json())["sessions"]
            assert [(each["session"], each["token"], each["node"]) for each in listed] == [
                (session.id, session.token, "9")
            ]
            assert set(listed[0]["nodes"]) == {"1", "2", "m", "p", "9"}

    _serve(registry, talk)


def test_a_tab_finds_its_own_sessions(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        for name, count in (("tab", 1), ("another", 0)):
            answer = await client.get(f"/livestyle/sessions?client={name}", headers=PAGE)
            assert len((await answer.json())["sessions"]) == count

    _serve(registry, talk)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"token": "wrong"}, {}, 401),
        ({"token": 5}, {}, 401),
        ({}, {}, 401),
        ([], {}, 400),
        ("{", {}, 400),
        ({"token": "x" * 70_000}, {}, 413),
        ({"token": "right"}, FOREIGN, 403),
        ({"token": "right"}, {"Content-Type": "text/plain"}, 415),
        ({"token": "right"}, {}, 200),
    ],
)
def test_stop(
    registry: SessionRegistry, session: StreamSession, body: Any, headers: dict, status: int
) -> None:
    if isinstance(body, dict) and body.get("token") == "right":
        body = {"token": session.token}
    data = body if isinstance(body, str) else json.dumps(body)

    async def talk(client: TestClient) -> None:
        answer = await client.post(
            f"/livestyle/sessions/{session.id}/stop",
            data=data,
            headers={"Content-Type": "application/json", **headers},
        )
        assert answer.status == status
        ended = await asyncio.to_thread(session.wait, 10 if status == 200 else 0.2)
        assert ended == (status == 200)
        assert session.state == "done" or status != 200

    _serve(registry, talk)


def test_an_unknown_session_is_not_found(registry: SessionRegistry) -> None:
    async def talk(client: TestClient) -> None:
        assert (await client.post("/livestyle/sessions/none/stop", json={"token": ""})).status == 404
        assert (await client.get("/livestyle/sessions/none/ws?token=x")).status == 404

    _serve(registry, talk)


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [("", {}, 401), ("?token=wrong", {}, 401), ("?token=right", FOREIGN, 403)],
)
def test_who_may_not_connect(
    registry: SessionRegistry, session: StreamSession, query: str, headers: dict, status: int
) -> None:
    async def talk(client: TestClient) -> None:
        path = f"/livestyle/sessions/{session.id}/ws{query.replace('right', session.token)}"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(path, headers=headers)
        assert refused.value.status == status

    _serve(registry, talk)


def test_frames_come_under_credit(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as socket:
            await socket.send_json({"type": "credit", "n": 2})
            numbers = []
            for _ in range(2):
                header, jpeg = await _frame(socket)
                numbers.append(header["frame"])
                with Image.open(io.BytesIO(jpeg)) as picture:
                    assert picture.format == "JPEG" and picture.size == (header["w"], header["h"]) == (64, 48)
            assert numbers[0] < numbers[1]
            with pytest.raises(TimeoutError):  # telemetry goes on, frames do not
                await asyncio.wait_for(_frame(socket), 1)

    _serve(registry, talk)


def test_a_page_chooses_its_own_size(registry: SessionRegistry) -> None:
    session = _start(registry, size=(640, 320))

    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as small, _socket(client, session) as large:
            await small.send_json({"type": "preview", "max_side": 64, "quality": 40})
            for socket, width in ((small, 64), (large, 640)):
                await socket.send_json({"type": "credit", "n": 1})
                header, _ = await _frame(socket)
                assert (header["w"], header["h"]) == (width, width // 2)

    _serve(registry, talk)


def test_a_change_is_received_and_applied(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as socket:
            live = await _next(socket, lambda message: message["type"] == "live" and message["values"])
            assert live["values"] == {"2.strength": 1.0, "2.seed": 0, "p.prompt": ""}
            for number, value in enumerate((0.1, 0.2, 0.5)):
                await socket.send_json({"type": "set", "key": "2.strength", "value": value, "seq": number})
            received = await _next(
                socket, lambda message: message["type"] == "received" and message["seq"] == 2
            )
            assert received["key"] == "2.strength" and received["value"] == 0.5
            applied = await _next(socket, _is("applied"))
            assert applied["key"] == "2.strength" and applied["frame"] >= 0 and applied["ms"] >= 0

    _serve(registry, talk)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[" * 30_000, "not JSON"),
        ("[]", "object"),
        ('{"type": "dance"}', "type"),
        ('{"type": "credit", "n": -1}', "n must be"),
        ('{"type": "credit", "n": true}', "n must be"),
        ('{"type": "preview", "max_side": 9999, "quality": 80}', "max_side"),
        ('{"type": "set", "key": 5, "value": 1}', "key"),
        ('{"type": "set", "key": "2.strength", "value": [1]}', "value"),
        ('{"type": "set", "key": "2.strength", "value": NaN}', "strength"),
        ('{"type": "set", "key": "2.strength", "value": 7}', "strength"),
        ('{"type": "set", "key": "2.nonsense", "value": 1}', "2.nonsense"),
    ],
)
def test_a_bad_message_is_answered_and_harmless(
    registry: SessionRegistry, session: StreamSession, text: str, says: str
) -> None:
    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as socket:
            await _next(socket, lambda message: message["type"] == "live" and message["values"])
            await socket.send_str(text)
            error = await _next(socket, _is("error"))
            assert says in error["message"] and "\n" not in error["message"]
            await socket.send_json({"type": "set", "key": "2.strength", "value": 0.25, "seq": 1})
            assert (await _next(socket, _is("received")))["value"] == 0.25

    _serve(registry, talk)


def test_an_oversized_message_ends_the_connection_only(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as socket:
            await socket.send_str("x" * (70 * 1024))
            while (message := await socket.receive(timeout=10)).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                pass
            assert message.type is WSMsgType.CLOSE and message.data == 1009
        async with _socket(client, session) as socket:
            await _next(socket, _is("state"))

    _serve(registry, talk)


def test_a_flood_is_cut_off_with_one_line(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as socket:
            for _ in range(RATE + 50):
                await socket.send_str('{"type": "credit", "n": 1}')
            assert "Too many" in (await _next(socket, _is("error")))["message"]

    _serve(registry, talk)


def test_a_page_that_stops_reading_delays_nobody(registry: SessionRegistry) -> None:
    session = _start(registry, size=(1280, 720))

    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as stalled, _socket(client, session) as healthy:
            stalled._conn.transport.pause_reading()
            for _ in range(30):
                await stalled.send_json({"type": "credit", "n": 4})
                await healthy.send_json({"type": "credit", "n": 1})
                await _frame(healthy)
            stalled._conn.transport.resume_reading()

    _serve(registry, talk)


def test_the_socket_says_how_the_session_ended(registry: SessionRegistry) -> None:
    session = _start(registry, length=8)

    async def talk(client: TestClient) -> None:
        async with _socket(client, session) as socket:
            last = await _next(
                socket, lambda message: message["type"] == "state" and message["state"] == "done"
            )
            assert last["done"] == 8 and last["error"] == ""
            while (message := await socket.receive(timeout=10)).type is WSMsgType.TEXT:
                pass
            assert message.type is WSMsgType.CLOSE and message.data == 1000

    _serve(registry, talk)

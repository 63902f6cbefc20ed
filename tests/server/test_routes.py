"""The routes over real HTTP and a real websocket, with real sessions of a stub family."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient
from PIL import Image
from route_client import FOREIGN, OWNER, PAGE, next_frame, next_text, of_type, serve, socket_of, start
from runtime_stubs import read, stylise, write

from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession
from livestyle.server.actions import Files
from livestyle.server.live_socket import RATE
from livestyle.server.owners import set_owner
from livestyle.server.request_guard import REQUESTS
from livestyle.server.snapshots import save_snapshot


@pytest.fixture
def session(registry: SessionRegistry) -> StreamSession:
    """Plays slowly, and for longer than a test lasts."""
    return start(registry)


def test_the_list_is_for_pages_of_the_same_origin(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        for headers in ({}, {**PAGE, **FOREIGN}, {**PAGE, "Sec-Fetch-Site": "cross-site"}):
            assert (await client.get("/livestyle/sessions", headers=headers)).status == 403
        own_origin = {"Origin": str(client.make_url("")).rstrip("/")}
        for headers in (PAGE, {**PAGE, **own_origin}, {**PAGE, "Sec-Fetch-Site": "same-origin"}):
            answer = await client.get("/livestyle/sessions", headers=headers)
            listed = (await answer.json())["sessions"]
            assert [(each["session"], each["node"]) for each in listed] == [(session.id, "9")]
            assert set(listed[0]["nodes"]) == {"1", "2", "m", "p", "9"}

    serve(registry, talk)


def test_only_the_tab_with_the_secret_gets_the_token(
    registry: SessionRegistry, session: StreamSession
) -> None:
    stranger = {**PAGE, "X-LiveStyle-Client-Secret": "guessed"}

    async def talk(client: TestClient) -> None:
        for query, headers, tokens in (
            ("", OWNER, [session.token]),
            ("?client=tab", OWNER, [session.token]),
            ("?client=tab", PAGE, [""]),  # /queue shows the client's id to everyone
            ("?client=tab", stranger, [""]),
            ("?client=another", OWNER, []),
            ("?client=", OWNER, []),
            ("", PAGE, [""]),
        ):
            answer = await client.get(f"/livestyle/sessions{query}", headers=headers)
            assert [each["token"] for each in (await answer.json())["sessions"]] == tokens

    serve(registry, talk)


def test_a_session_without_an_owner_gives_no_token_away(registry: SessionRegistry) -> None:
    set_owner(start(registry, client=None), write(stylise(read())), None)
    empty = {**PAGE, "X-LiveStyle-Client-Secret": ""}

    async def talk(client: TestClient) -> None:
        for query, tokens in {"?client=None": [], "?client=": [], "": [""]}.items():
            for headers in (PAGE, OWNER, empty):
                answer = await client.get(f"/livestyle/sessions{query}", headers=headers)
                assert [each["token"] for each in (await answer.json())["sessions"]] == tokens

    serve(registry, talk)


def test_the_token_of_an_ended_session_opens_nothing(registry: SessionRegistry) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "credit", "n": 1})
            await next_frame(socket)
        session.cancel()
        path, body = f"/livestyle/sessions/{session.id}", {"token": session.token}
        for what in ("stop", "snapshot", "webrtc"):
            assert (await client.post(f"{path}/{what}", json=body)).status == 404, what
        assert (await client.get(f"{path}/ws?token={session.token}")).status == 404

    serve(registry, talk)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"token": "wrong"}, {}, 401),
        ({"token": 5}, {}, 401),
        ({"token": "\ud800"}, {}, 401),
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

    serve(registry, talk)


def test_an_unknown_session_is_not_found(registry: SessionRegistry) -> None:
    async def talk(client: TestClient) -> None:
        assert (await client.post("/livestyle/sessions/none/stop", json={"token": ""})).status == 404
        assert (await client.get("/livestyle/sessions/none/ws?token=x")).status == 404

    serve(registry, talk)


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

    serve(registry, talk)


def test_frames_come_under_credit(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "credit", "n": 2})
            numbers = []
            for _ in range(2):
                header, jpeg = await next_frame(socket)
                numbers.append(header["frame"])
                with Image.open(io.BytesIO(jpeg)) as picture:
                    assert picture.format == "JPEG" and picture.size == (header["w"], header["h"]) == (64, 48)
            assert numbers[0] < numbers[1]
            with pytest.raises(TimeoutError):  # telemetry goes on, frames do not
                await asyncio.wait_for(next_frame(socket), 1)

    serve(registry, talk)


def test_a_page_chooses_its_own_size(registry: SessionRegistry) -> None:
    session = start(registry, size=(640, 320))

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as small, socket_of(client, session) as large:
            await small.send_json({"type": "preview", "max_side": 64, "quality": 40})
            for socket, width in ((small, 64), (large, 640)):
                await socket.send_json({"type": "credit", "n": 1})
                header, _ = await next_frame(socket)
                assert (header["w"], header["h"]) == (width, width // 2)

    serve(registry, talk)


def test_a_change_is_received_and_applied(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            live = await next_text(socket, lambda message: message["type"] == "live" and message["values"])
            assert live["values"] == {"2.strength": 1.0, "2.seed": 0, "p.prompt": "", "9.volume": 1.0}
            for number, value in enumerate((0.1, 0.2, 0.5)):
                await socket.send_json({"type": "set", "key": "2.strength", "value": value, "seq": number})
            received = await next_text(
                socket, lambda message: message["type"] == "received" and message["seq"] == 2
            )
            assert received["key"] == "2.strength" and received["value"] == 0.5
            applied = await next_text(socket, of_type("applied"))
            assert applied["key"] == "2.strength" and applied["frame"] >= 0 and applied["ms"] >= 0

    serve(registry, talk)


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
        async with socket_of(client, session) as socket:
            await next_text(socket, lambda message: message["type"] == "live" and message["values"])
            await socket.send_str(text)
            error = await next_text(socket, of_type("error"))
            assert says in error["message"] and "\n" not in error["message"]
            await socket.send_json({"type": "set", "key": "2.strength", "value": 0.25, "seq": 1})
            assert (await next_text(socket, of_type("received")))["value"] == 0.25

    serve(registry, talk)


def test_an_oversized_message_ends_the_connection_only(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_str("x" * (70 * 1024))
            while (message := await socket.receive(timeout=10)).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                pass
            assert message.type is WSMsgType.CLOSE and message.data == 1009
        async with socket_of(client, session) as socket:
            await next_text(socket, of_type("state"))

    serve(registry, talk)


def test_a_flood_is_cut_off_with_one_line(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            for _ in range(RATE + 50):
                await socket.send_str('{"type": "credit", "n": 1}')
            assert "Too many" in (await next_text(socket, of_type("error")))["message"]

    serve(registry, talk)


def test_a_page_that_stops_reading_delays_nobody(registry: SessionRegistry) -> None:
    session = start(registry, size=(1280, 720))

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as stalled, socket_of(client, session) as healthy:
            stalled._conn.transport.pause_reading()
            for _ in range(30):
                await stalled.send_json({"type": "credit", "n": 4})
                await healthy.send_json({"type": "credit", "n": 1})
                await next_frame(healthy)
            stalled._conn.transport.resume_reading()

    serve(registry, talk)


def test_the_socket_says_how_the_session_ended(registry: SessionRegistry) -> None:
    session = start(registry, length=8)

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            last = await next_text(
                socket, lambda message: message["type"] == "state" and message["state"] == "done"
            )
            assert last["done"] == 8 and last["error"] == ""
            while (message := await socket.receive(timeout=10)).type is WSMsgType.TEXT:
                pass
            assert message.type is WSMsgType.CLOSE and message.data == 1000

    serve(registry, talk)


def test_too_many_requests_are_turned_away_for_a_second(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        answers = [(await client.get("/livestyle/sessions", headers=PAGE)) for _ in range(REQUESTS + 10)]
        # A slow machine may need more than a second for them.
        assert {answer.status for answer in answers} <= {200, 429}
        if 429 in (statuses := [answer.status for answer in answers]):
            assert answers[statuses.index(429)].headers["Retry-After"] == "1"
        await asyncio.sleep(1.1)
        assert (await client.get("/livestyle/sessions", headers=PAGE)).status == 200

    serve(registry, talk)


def test_a_snapshot_is_the_picture_at_full_size_with_the_workflow(
    registry: SessionRegistry, tmp_path: Path
) -> None:
    session = start(registry, size=(1280, 720))

    def save(pixels: np.ndarray, tags: Mapping[str, str]) -> Path:
        return save_snapshot(pixels, {**tags, "workflow": "{}"}, lambda prefix: (str(tmp_path / "s"), 3))

    files = Files(save, lambda path: {"filename": path.name}, str)

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "credit", "n": 1})
            await next_frame(socket)
        path, body = f"/livestyle/sessions/{session.id}/snapshot", {"token": session.token}
        names = []
        for _ in range(2):
            answer = await client.post(path, json=body)
            names.append((await answer.json())["file"]["filename"])
        assert names == ["s_00003_.png", "s_00004_.png"]
        assert (await client.post(path, json={"token": "wrong"})).status == 401
        assert (await client.post(path, json=body, headers=FOREIGN)).status == 403

    serve(registry, talk, files)
    with Image.open(tmp_path / "s_00003_.png") as picture:
        assert picture.size == (1280, 720) and picture.text["workflow"] == "{}"


def test_a_snapshot_that_cannot_be_saved_says_so(registry: SessionRegistry, session: StreamSession) -> None:
    def fail(pixels: object, tags: object) -> Path:
        raise OSError("no space left")

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "credit", "n": 1})
            await next_frame(socket)
        path = f"/livestyle/sessions/{session.id}/snapshot"
        answer = await client.post(path, json={"token": session.token})
        assert answer.status == 500 and "no space left" in await answer.text()

    serve(registry, talk, Files(fail, lambda path: {}, str))

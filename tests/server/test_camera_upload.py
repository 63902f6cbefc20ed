"""A page's camera as the source of a running session, over the real websocket."""

from __future__ import annotations

import asyncio
import io
import random
import time
from typing import Any

import numpy as np
import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient
from PIL import Image
from route_client import READER, next_frame, next_text, of_type, serve, socket_of, start, upload

from livestyle.engine.media.live.frame_inbox import CREDIT, FrameInbox
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession
from livestyle.server.camera_upload import CameraUpload
from livestyle.server.client_messages import Camera

NOISE = random.Random(0).randbytes(5000)


def _jpeg(level: int, size: tuple[int, int] = (64, 48)) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((*size[::-1], 3), level, np.uint8)).save(data, "jpeg", quality=95)
    return data.getvalue()


async def _ready(socket: Any) -> None:
    await socket.send_json({"type": "camera", "node": READER, "state": "ready"})


async def _feed(socket: Any, jpeg: bytes, pictures: int, **header: Any) -> None:
    """Send so many, each when it is wanted."""
    while pictures > 0:
        wanted = (await next_text(socket, of_type("want")))["n"]
        assert 1 <= wanted <= 2
        for _ in range(wanted):
            await socket.send_bytes(upload(jpeg, **header))
        pictures -= wanted


def test_the_announcement_says_what_is_wanted(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        answer = await client.get("/livestyle/sessions", headers={"X-LiveStyle": "1"})
        (listed,) = (await answer.json())["sessions"]
        assert listed["inlets"] == {READER: "camera"}

    serve(registry, talk)


def test_pictures_go_in_under_credit_and_come_out_restyled(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await _ready(socket)
            await socket.send_json({"type": "preview", "max_side": 64, "quality": 95, "source": True})
            await socket.send_json({"type": "credit", "n": 1})
            await _feed(socket, _jpeg(200), 10)
            header, pictures = await next_frame(socket)
            result, source = pictures[: -header["source"]], pictures[-header["source"] :]
            assert abs(_level(source) - 200) < 3 and abs(_level(result) - 55) < 3  # the stub inverts

    serve(registry, talk)


def _level(jpeg: bytes) -> float:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return float(np.asarray(picture)[..., 0].mean())


def test_latency_counts_from_the_moment_at_which_the_page_took_theupload(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            asked = time.monotonic() * 1000
            await socket.send_json({"type": "clock", "at": 5.5})
            answer = await next_text(socket, of_type("clock"))
            assert answer["at"] == 5.5 and asked - 1 <= answer["now"] <= time.monotonic() * 1000 + 1
            await _ready(socket)
            sent: list[float] = []
            captured_at = float("inf")
            while not any(abs(captured_at - taken) <= 1 for taken in sent):  # a held picture is stamped anew
                sent.append(time.monotonic() * 1000 - 2500)
                await socket.send_json({"type": "credit", "n": 1})
                await _ready(socket)
                await _feed(socket, _jpeg(9), 1, taken=sent[-1])
                captured_at = (await next_frame(socket))[0]["born"]

    serve(registry, talk)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (upload(_jpeg(0)), "credit"),
        (upload(_jpeg(0), node="77"), "77"),
        (b"", "cut off"),
        (NOISE, "header"),
        (b"\0\0\0\2{}" + _jpeg(0), "node"),
    ],
)
def test_a_malformed_or_unwanted_picture_is_answered_and_harmless(
    registry: SessionRegistry, session: StreamSession, message: bytes, says: str
) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_bytes(message)
            error = await next_text(socket, of_type("error"))
            assert says in error["message"] and "\n" not in error["message"]
            await _ready(socket)
            await _feed(socket, _jpeg(1), 4)

    serve(registry, talk)
    assert not session.wait(0)


@pytest.mark.parametrize("rubbish", [b"\xff\xd8", b"\xff\xd8" + NOISE, _jpeg(7)[:200]])
def test_a_damaged_jpeg_is_left_out(
    registry: SessionRegistry, session: StreamSession, rubbish: bytes
) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await _ready(socket)
            await socket.send_json({"type": "credit", "n": 1})
            await _feed(socket, rubbish, 6)  # credit comes back
            await _feed(socket, _jpeg(1), 4)
            await next_frame(socket)

    serve(registry, talk)
    assert not session.wait(0)


def test_a_reloaded_page_takes_over(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as old:
            await _ready(old)
            await _feed(old, _jpeg(1), 4)
            async with socket_of(client, session) as new:
                await _ready(new)
                await _feed(new, _jpeg(2), 4)
                await old.close()
                await asyncio.sleep(0.3)
                await _feed(new, _jpeg(2), 4)  # the end of the old page means nothing to it

    serve(registry, talk)


def test_credit_from_before_a_page_was_ready_again_is_void() -> None:
    inbox, soon = FrameInbox("camera"), []
    inbox.open()
    page = CameraUpload({READER: inbox}, lambda: None, lambda *call: soon.append(call))

    def run() -> None:
        for act, *arguments in soon:
            act(*arguments)
        soon.clear()

    page.set_camera(Camera(READER, "ready", ""))
    run()  # told of by nobody yet
    inbox.push(_jpeg(1))
    inbox.take(0)  # more credit, on its way
    page.set_camera(Camera(READER, "ready", ""))
    run()
    assert page.credit_messages() == [{"type": "want", "node": READER, "n": CREDIT}]


def test_a_page_that_leaves_is_said_on_the_node(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as viewer:
            async with socket_of(client, session) as camera:
                await _ready(camera)
                await _feed(camera, _jpeg(1), 6)

            def holds(message: dict[str, Any]) -> bool:
                source = message.get("sources", {}).get(READER, {})
                return source.get("state") == "paused" and "closed" in source["note"]

            await next_text(viewer, holds)

    serve(registry, talk)
    assert not session.wait(0)


def test_ten_megabytes_are_refused_and_the_session_goes_on(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        for send in ("send_str", "send_bytes"):
            async with socket_of(client, session) as socket:
                data = "x" * 10_000_000 if send == "send_str" else bytes(10_000_000)
                assert await _close_code(socket, getattr(socket, send)(data)) in (1006, 1009)
        async with socket_of(client, session) as socket:
            await _ready(socket)
            await _feed(socket, _jpeg(1), 4)

    serve(registry, talk)


def test_a_flood_is_hung_up_on(registry: SessionRegistry) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        async def flood(socket: Any) -> None:
            for _ in range(100_000):
                await socket.send_str('{"type": "credit", "n": 1}')

        async with socket_of(client, session) as socket, socket_of(client, session) as other:
            assert await _close_code(socket, flood(socket)) in (1006, 1008)
            await next_text(other, of_type("telemetry"))

    serve(registry, talk)


async def _close_code(socket: Any, sending: Any) -> int:
    """What the server hangs up with; 1006 where the connection broke while we were still sending."""
    task = asyncio.ensure_future(sending)
    try:
        while (message := await socket.receive(timeout=30)).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            pass
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return message.data if message.type is WSMsgType.CLOSE else 1006


def test_only_a_file_can_be_recorded(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "record", "node": "77", "on": True})
            assert "77" in (await next_text(socket, of_type("error")))["message"]

    serve(registry, talk)

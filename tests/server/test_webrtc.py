"""WebRTC over the pack's own routes, with aiortc as the page too."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from route_client import FOREIGN, LINKS, READER, next_text, of_type, serve, socket_of, start

from livestyle.engine.errors import SettingError
from livestyle.engine.media.live.frame_inbox import FrameInbox
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession

aiortc = pytest.importorskip("aiortc", reason="needs the optional package aiortc")

from aiortc.mediastreams import VideoStreamTrack  # noqa: E402
from av import VideoFrame  # noqa: E402

from livestyle.server import webrtc_routes  # noqa: E402
from livestyle.server.connection_limit import MOST_PAGES  # noqa: E402
from livestyle.server.webrtc import Peer  # noqa: E402

WRITER = "9"
WATCH = f"{LINKS.path(WRITER, 'tab')}/webrtc"


LINES = [
    *("v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "c=IN IP4 0.0.0.0", "a=group:BUNDLE 0", "a=mid:0"),
    *("m=video 9 UDP/TLS/RTP/SAVPF 96", "m=video", "a=rtpmap:96 VP8/90000", "a=rtpmap:x", "a=fmtp:96 x"),
    *("a=ice-ufrag:abcd", "a=fingerprint:sha-256 00", "a=setup:actpass", "a=ssrc:x", "a=extmap:x"),
]


class Grey(VideoStreamTrack):
    """A camera that sees one grey."""

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(np.full((96, 128, 3), 200, np.uint8), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


async def _call(client: TestClient, path: str, page: Any, **body: Any) -> None:
    """Connect a page's RTCPeerConnection."""
    await page.setLocalDescription(await page.createOffer())
    answer = await client.post(path, json={"sdp": page.localDescription.sdp, **body})
    assert answer.status == 200, await answer.text()
    sdp = (await answer.json())["sdp"]
    await page.setRemoteDescription(aiortc.RTCSessionDescription(sdp, "answer"))


def test_a_camera_comes_in_and_the_picture_goes_out(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        camera, screen = (aiortc.RTCPeerConnection(aiortc.RTCConfiguration([])) for _ in range(2))
        shown: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        screen.on("track", shown.set_result)
        camera.addTrack(Grey())
        screen.addTransceiver("video", direction="recvonly")
        try:
            path = f"/livestyle/sessions/{session.id}/webrtc"
            await _call(client, path, camera, token=session.token, node=READER)
            await _call(client, WATCH, screen)
            track, level = await shown, 0.0
            while abs(level - 55) > 6:  # the stub inverts; before the first picture it is black
                level = float((await track.recv()).to_ndarray(format="rgb24")[48, 64, 0])
            async with socket_of(client, session) as socket:
                await next_text(
                    socket, lambda said: said.get("sources", {}).get(READER, {}).get("fps", 0) > 2
                )
                await camera.close()

                def gone(said: dict[str, Any]) -> bool:
                    source = said.get("sources", {}).get(READER, {})
                    return source.get("state") == "paused" and "gone" in source["note"]

                await next_text(socket, gone)
        finally:
            await camera.close()
            await screen.close()

    serve(registry, talk)
    assert not session.wait(0)


def test_who_may_signal(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        path = f"/livestyle/sessions/{session.id}/webrtc"
        body = {"sdp": "v=0", "node": READER, "token": session.token}

        async def status(path: str, body: dict[str, Any], **options: Any) -> int:
            return (await client.post(path, json=body, **options)).status

        assert await status(path, {**body, "token": "wrong"}) == 401
        assert await status(path, {**body, "node": "77"}) == 400
        assert await status(path, {**body, "sdp": 5}) == 400
        assert await status(path, {**body, "sdp": "x" * 100_000}) == 413
        assert await status(path, body, headers=FOREIGN) == 403
        assert await status(f"/livestyle/watch/{WRITER}.wrong/webrtc", body) == 401
        assert await status(WATCH, body, headers=FOREIGN) == 403
        assert (await client.get(WATCH)).status == 200
        async with socket_of(client, session) as socket:
            await next_text(socket, of_type("telemetry"))

    serve(registry, talk)


def test_a_refused_offer_takes_no_place(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        path, body = f"/livestyle/sessions/{session.id}/webrtc", {"token": session.token, "node": READER}
        for sdp in [5, "v=0"] * MOST_PAGES:
            assert (await client.post(path, json={**body, "sdp": sdp})).status == 400
            await asyncio.sleep(0.02)  # fewer than are let in a second

    serve(registry, talk)


def test_the_server_goes_to_no_address_of_an_offer(registry: SessionRegistry) -> None:
    start(registry)

    async def talk(client: TestClient) -> None:
        page = aiortc.RTCPeerConnection(aiortc.RTCConfiguration([]))
        page.addTransceiver("video", direction="recvonly")
        await page.setLocalDescription(await page.createOffer())
        heard = asyncio.Event()

        class Ear(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, address: Any) -> None:
                heard.set()

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Ear, local_addr=("127.0.0.1", 0))
        port = transport.get_extra_info("sockname")[1]
        told = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host"
        lines = [line for line in page.localDescription.sdp.splitlines() if "candidate" not in line]
        answer = await client.post(WATCH, json={"sdp": "\r\n".join([*lines, told, ""])})
        assert answer.status == 200
        await asyncio.sleep(0.5)
        assert not heard.is_set()
        transport.close()
        await page.close()

    serve(registry, talk)


@given(st.text(max_size=300) | st.lists(st.sampled_from(LINES), max_size=16).map("\r\n".join))
@settings(max_examples=60, deadline=None)
def test_an_odd_offer_is_one_line(offer: str) -> None:
    async def talk() -> None:
        over: list[bool] = []
        peer = Peer(lambda: over.append(True))
        try:
            await peer.receive(offer, FrameInbox("camera"))
        except SettingError as error:
            assert "\n" not in str(error) and over == [True]
        await peer.close()
        assert over == [True]

    asyncio.run(talk())


def test_the_package_is_imported_beside_the_event_loop(
    registry: SessionRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops: list[bool] = []

    def imported(name: str) -> None:
        try:
            asyncio.get_running_loop()
            loops.append(True)
        except RuntimeError:
            loops.append(False)

    monkeypatch.setattr(webrtc_routes, "extra", imported)

    async def talk(client: TestClient) -> None:
        assert (await client.post(WATCH, json={"sdp": "v=0"})).status == 400

    serve(registry, talk)
    assert loops == [False]


def test_without_the_package_the_page_is_told_how_to_get_it(
    registry: SessionRegistry, session: StreamSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(client: TestClient) -> None:
        monkeypatch.setitem(sys.modules, "aiortc", None)
        answer = await client.post(WATCH, json={"sdp": "v=0"})
        assert answer.status == 501
        said = await answer.text()
        assert "pip install aiortc" in said and "\n" not in said

    serve(registry, talk)

"""What a page hears beside its camera's picture reaches the file in step, over either transport."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from aiohttp.test_utils import TestClient
from av import AudioFrame, VideoFrame
from flashes import LONG_S, assert_in_step, out_of_step
from PIL import Image
from route_client import READER, next_text, of_type, serve, socket_of, start_plan, upload
from runtime_stubs import stylise

from livestyle.engine.media.live.frame_inbox import FrameInbox
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession

pytestmark = pytest.mark.slow

SECONDS = 10
RATE = 48_000
PART = RATE // 50


def _lit(moment: float) -> bool:
    return moment % 1 < LONG_S


def _pixels(moment: float) -> np.ndarray:
    return np.full((48, 64, 3), 255 if _lit(moment) else 0, np.uint8)


def _samples(begin: float) -> np.ndarray:
    """int16 (2 * PART,), the two channels side by side."""
    times = begin + np.arange(PART) / RATE
    beep = np.where(times % 1 < LONG_S, np.sin(2 * np.pi * 1000 * times) * 16_000, 0)
    return np.repeat(beep.astype(np.int16), 2)


async def over_websocket(client: TestClient, session: StreamSession) -> None:
    """A page that shows and hears its own clock, which it knows as the server's."""
    async with socket_of(client, session) as socket:
        await socket.send_json({"type": "camera", "node": READER, "state": "ready", "sound": True})
        begun = time.monotonic()

        async def look() -> None:
            while True:
                for _ in range((await next_text(socket, of_type("want")))["n"]):
                    await asyncio.sleep(0.04)
                    now, picture = time.monotonic(), io.BytesIO()
                    Image.fromarray(_pixels(now)).save(picture, "jpeg")
                    await socket.send_bytes(upload(picture.getvalue(), taken=now * 1000))

        async def listen() -> None:
            heard = begun
            while True:
                heard += PART / RATE
                await asyncio.sleep(max(0.0, heard - time.monotonic()))
                taken = heard - PART / RATE
                sound = _samples(taken).tobytes()
                await socket.send_bytes(upload(sound, taken=taken * 1000, sound=RATE, channels=2))

        await _for_a_while(session, look(), listen())


async def over_webrtc(client: TestClient, session: StreamSession) -> None:
    """The same with aiortc as the page."""
    aiortc = pytest.importorskip("aiortc", reason="needs the optional package aiortc")
    begun = time.monotonic()

    class Eye(aiortc.MediaStreamTrack):
        kind, count = "video", 0

        async def recv(self) -> VideoFrame:
            self.count += 1
            await asyncio.sleep(max(0.0, begun + self.count / 25 - time.monotonic()))
            frame = VideoFrame.from_ndarray(_pixels(begun + self.count / 25), format="rgb24")
            frame.pts, frame.time_base = self.count * 3600, Fraction(1, 90_000)
            return frame

    class Ear(aiortc.MediaStreamTrack):
        kind, count = "audio", 0

        async def recv(self) -> AudioFrame:
            self.count += 1
            await asyncio.sleep(max(0.0, begun + self.count * PART / RATE - time.monotonic()))
            samples = _samples(begun + (self.count - 1) * PART / RATE)
            frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "stereo")
            frame.pts, frame.time_base, frame.sample_rate = self.count * PART, Fraction(1, RATE), RATE
            return frame

    page = aiortc.RTCPeerConnection(aiortc.RTCConfiguration([]))
    page.addTrack(Eye())
    page.addTrack(Ear())
    try:
        await page.setLocalDescription(await page.createOffer())
        body = {"sdp": page.localDescription.sdp, "token": session.token, "node": READER}
        answer = await client.post(f"/livestyle/sessions/{session.id}/webrtc", json=body)
        assert answer.status == 200, await answer.text()
        sdp = (await answer.json())["sdp"]
        await page.setRemoteDescription(aiortc.RTCSessionDescription(sdp, "answer"))
        await _for_a_while(session)
    finally:
        await page.close()


async def _for_a_while(session: StreamSession, *work: Awaitable[None]) -> None:
    """Counted from the first picture on."""
    tasks = [asyncio.ensure_future(each) for each in work]
    while not session.telemetry.frames:
        await asyncio.sleep(0.1)
    await asyncio.sleep(SECONDS)
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(ended, asyncio.CancelledError), ended


@pytest.mark.parametrize("page", [over_websocket, over_webrtc])
def test_beeps_and_flashes_of_a_page_stay_together(
    registry: SessionRegistry, tmp_path: Path, page: Callable[[TestClient, StreamSession], Awaitable[None]]
) -> None:
    def attempt(number: int) -> tuple[float, int]:
        source = LiveSpec("pushed", "The browser's camera", inbox=FrameInbox("camera"))
        sink = SinkSpec(str(tmp_path / f"{number}.mp4"), quality=30)
        plan = PlanNode(Write(sink), (stylise(PlanNode(Read(source), node_id=READER)),), "9")
        session = start_plan(registry, plan)

        async def talk(client: TestClient) -> None:
            await page(client, session)

        serve(registry, talk)
        session.stop()
        assert session.wait(60) and session.state == "done", session.error
        # What says nothing of when it was taken has to be watched for a while.
        return out_of_step(Path(sink.path), inverted=True, after=2.5 if page is over_webrtc else 0.0)

    assert_in_step(4, attempt)

"""A WebRTC viewer hears what it sees."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from flashes import bursts, flashing
from runtime_stubs import Behaviour, Zoo, stylise, write
from stream_servers import free_port

from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.runtime.plan import PlanNode, Read
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.server.shown_clock import SPAN_S, STILL_S, ShownClock

pytest.importorskip("aiortc", reason="needs the optional package aiortc")

from livestyle.server.viewer_tracks import PictureTrack, SoundTrack  # noqa: E402

SECONDS = 12
NEAR_S = 0.08
"""Sound goes with the mean of the latest pictures, each of which a busy machine shows late."""


def test_the_clock_knows_where_a_stream_is_that_plays_at_its_own_speed() -> None:
    clock = ShownClock()
    for index in range(100):
        clock.show(5 + index / 25, 1000 + index / 25 + (index % 4) / 100)
    at = 1000 + 99 / 25
    assert clock.position(at) == pytest.approx(5 + 99 / 25, abs=0.03)
    assert clock.position(at + 0.5) == pytest.approx(5 + 99 / 25 + 0.5, abs=0.03)
    assert clock.position(at + 2 * STILL_S) is None, "the picture stands still"
    for index in range(100):
        clock.show(10 + index / 100, 2000 + index / 25)
    assert clock.position(2004) is None, "a stream that is too slow can't be heard"
    clock.show(0, 2004)
    assert clock.position(2004) is None, "nothing is known of the pace of another stream"
    assert SPAN_S > STILL_S


@pytest.mark.slow
def test_beeps_come_with_flashes(registry: SessionRegistry, tmp_path: Path) -> None:
    async def watch() -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        zero = time.monotonic()
        seen, heard = PictureTrack(lambda: session, zero), SoundTrack(lambda now: seen.place(now), zero)
        pictures: list[tuple[float, float]] = []
        sounds: list[tuple[float, float]] = []

        async def look() -> None:
            while True:
                frame = await seen.recv()
                pictures.append((frame.time, float(frame.to_ndarray(format="gray").mean())))

        async def listen() -> None:
            while True:
                frame = await heard.recv()
                loud = np.flatnonzero(np.abs(frame.to_ndarray().reshape(-1, 2)[:, 0]) > 3000)
                if len(loud):
                    sounds.append((frame.time + loud[0] / 48_000, frame.time + loud[-1] / 48_000))

        tasks = [asyncio.ensure_future(each()) for each in (look, listen)]
        await asyncio.sleep(SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await seen.let_go()
        heard.let_go()
        return pictures, sounds

    url = f"udp://127.0.0.1:{free_port()}"
    with flashing("-f", "mpegts", f"{url}?pkt_size=1316"):
        source = PlanNode(Read(LiveSpec("network", url, allow_private=True)), node_id="1")
        behaviour = Behaviour(first=12, chunk_frames=12, delays={"denoise": 0.1})  # later than the sound
        session = registry.open(write(stylise(source)), Zoo({"stub": behaviour}))
        session.start()
        while session.telemetry.frames == 0:
            assert not session.wait(0.1), session.error
        pictures, sounds = asyncio.run(watch())
        session.stop()
        session.wait(20)
    flashes = bursts(np.array([moment for moment, light in pictures if light < 128]))
    beeps = bursts(np.array([moment for sound in sounds for moment in sound]))
    apart = [
        min((first - begin for first, _ in beeps), key=abs)
        for begin, _ in flashes
        if begin > SPAN_S and begin < SECONDS - 1
    ]
    print("ms apart:", *(round(each * 1000) for each in apart))
    assert len(apart) >= 5 and abs(float(np.median(apart))) < NEAR_S

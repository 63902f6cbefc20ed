"""NDI out and in again, with sound, where the package is there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from flashes import IN_STEP_S, LONG_S, out_of_step

from livestyle.engine.media.live.sink_spec import LiveSinkSpec
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.types import Frames
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.session import StreamSession

pytestmark = pytest.mark.slow

FPS = 25
RATE = 48_000


@pytest.fixture(autouse=True)
def on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders of this machine are found by its address, so that no mDNS has to run."""
    (tmp_path / "ndi-config.v1.json").write_text(json.dumps({"ndi": {"networks": {"ips": "127.0.0.1"}}}))
    monkeypatch.setenv("NDI_CONFIG_DIR", str(tmp_path))
    pytest.importorskip("cyndilib", reason="needs the optional package cyndilib")


@contextmanager
def repeated(work: Callable[[int], None]) -> Iterator[None]:
    """Calls it for each picture, in real time."""
    ended = threading.Event()

    def run() -> None:
        begun, index = time.monotonic(), 0
        while not ended.wait(max(0.0, begun + index / FPS - time.monotonic())):
            work(index)
            index += 1

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(5)


def test_what_is_sent_is_received() -> None:
    sink = LiveSinkSpec("ndi", "LiveStyle test").open(64, 48, Fraction(FPS), None)
    picture = np.full((1, 48, 64, 3), (200, 90, 30), np.uint8)
    with repeated(lambda index: sink.write(Frames(picture, index, (Fraction(index, FPS),)))):
        source = LiveSpec("ndi", "livestyle test").open()
        try:
            source.connect(lambda: False)
            frames = source.read(2)
            assert frames is not None and frames.pixels.shape == (2, 48, 64, 3)
            assert np.abs(frames.pixels.reshape(-1, 3).mean(0) - (200, 90, 30)).max() < 6
            assert source.audio is None
        finally:
            source.close()
    sink.close()


def test_its_sound_is_in_step(tmp_path: Path) -> None:
    from cyndilib.audio_frame import AudioSendFrame
    from cyndilib.sender import Sender
    from cyndilib.video_frame import VideoSendFrame
    from cyndilib.wrapper.ndi_structs import FourCC

    video, audio, sender = (
        VideoSendFrame(),
        AudioSendFrame(RATE // FPS),
        Sender("LiveStyle beeps", clock_video=False),
    )
    video.set_resolution(64, 48)
    video.set_frame_rate(Fraction(FPS))
    video.set_fourcc(FourCC.RGBX)
    audio.sample_rate, audio.num_channels = RATE, 2
    sender.set_video_frame(video)
    sender.set_audio_frame(audio)
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE // FPS) / RATE)

    def send(index: int) -> None:
        lit = index % FPS < LONG_S * FPS
        sender.write_video_and_audio(
            np.full(64 * 48 * 4, 255 * lit, np.uint8), np.stack([tone * lit] * 2).astype(np.float32)
        )

    read = PlanNode(Read(LiveSpec("ndi", "livestyle beeps")), (), "1")
    session = StreamSession(
        PlanNode(Write(SinkSpec(str(tmp_path / "a.mp4"))), (read,), "9"), lambda handle: None
    )
    with sender, repeated(send):
        session.start()
        while session.progress.done < 7 * FPS:
            assert not session.wait(0.1), session.error
        session.stop()
        assert session.wait(60) and session.join(60) and session.state == "done", session.error
    worst, beeps = out_of_step(tmp_path / "a.mp4")
    print(f"{worst * 1000:.1f} ms out of step, {beeps} beeps")
    assert beeps >= 5 and worst <= IN_STEP_S

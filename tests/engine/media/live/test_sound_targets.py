"""Sound goes along to network targets, in step with the picture, with drops and over breaks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from flashes import assert_in_step, bursts, flashing, out_of_step
from runtime_stubs import Behaviour, Zoo, stylise
from sample_clips import make_clip
from stream_servers import await_socket, ffmpeg, free_port

from livestyle.engine.media.live.sink_spec import LiveSinkSpec
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.session import StreamSession

pytestmark = pytest.mark.slow

PATIENCE_S = 120.0
RECEIVERS = {
    "rtmp://127.0.0.1:{}/live/key": ("-listen", "1", "-i", "{}"),
    "rtsp://127.0.0.1:{}/key": ("-rtsp_flags", "listen", "-i", "{}"),
    "udp://127.0.0.1:{}": ("-i", "{}?timeout=5000000"),
    "srt://127.0.0.1:{}": ("-i", "{}?mode=listener"),
}


def play(source: SourceSpec, url: str, denoise_s: float = 0.01) -> StreamSession:
    """Plays a source to an address through a model that takes so long for two pictures, and inverts them."""
    behaviour = Behaviour(first=2, chunk_frames=2, delays={"denoise": denoise_s})
    sink = LiveSinkSpec("network", url, allow_private=True)
    plan = PlanNode(Write(sink), (stylise(PlanNode(Read(source), (), "1")),), "9")
    session = StreamSession(plan, Zoo({"stub": behaviour}))
    session.start()
    return session


def await_(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def sending(session: StreamSession) -> Callable[[], bool]:
    return lambda: session.telemetry.snapshot()["targets"].get("9", {}).get("state") == "sending"


def let_end(process: subprocess.Popen[bytes]) -> None:
    """What a receiver has becomes a file."""
    try:
        process.wait(6)
    except subprocess.TimeoutExpired:
        process.terminate()  # ends its file in order
        process.wait(PATIENCE_S)


@pytest.mark.parametrize("target", RECEIVERS)
def test_the_sound_of_a_clip_is_in_step_at_the_receiver(target: str, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    with flashing("-t", "8", str(clip), real_time=False) as process:
        process.wait(PATIENCE_S)

    def attempt(number: int) -> tuple[float, int]:
        got, url = tmp_path / f"{number}.mkv", target.format(free_port())
        receiver = [part.format(url) for part in RECEIVERS[target]]
        with ffmpeg(*receiver, "-c", "copy", str(got)) as process:
            await_socket(process)
            session = play(SourceSpec("file", str(clip)), url)
            assert session.wait(PATIENCE_S) and session.state == "done", session.error
            let_end(process)
        return out_of_step(got, inverted=True)

    assert_in_step(4, attempt)


def test_that_of_a_live_source_is_with_drops_and_when_the_receiver_returns(tmp_path: Path) -> None:
    def attempt(number: int) -> tuple[float, int]:
        source, url = f"udp://127.0.0.1:{free_port()}", f"rtmp://127.0.0.1:{free_port()}/live/key"
        files = [tmp_path / f"{number}_{part}.mkv" for part in (1, 2)]
        with flashing("-f", "mpegts", f"{source}?pkt_size=1316"):
            session = play(LiveSpec("network", source, allow_private=True), url, denoise_s=0.15)
            for file in files:
                with ffmpeg("-listen", "1", "-i", url, "-c", "copy", str(file)) as process:
                    await_(sending(session))
                    time.sleep(7)
                    process.terminate()
                    process.wait(PATIENCE_S)
                await_(lambda: not sending(session)())
            assert session.telemetry.snapshot()["sources"]["1"]["dropped"] > 20
            session.stop()
            assert session.wait(PATIENCE_S) and session.state == "done", session.error
        worst, beeps = zip(*(out_of_step(file, inverted=True) for file in files), strict=True)
        return max(worst), min(beeps)

    assert_in_step(4, attempt)


def test_a_target_falls_silent_while_it_is_muted(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=150, fps=Fraction(25), size=(64, 48))
    got, url = tmp_path / "got.mkv", f"srt://127.0.0.1:{free_port()}"
    with ffmpeg("-i", f"{url}?mode=listener", "-c", "copy", str(got)) as process:
        await_socket(process)
        session = play(SourceSpec("file", str(clip)), url)
        for volume, frames in ((0.0, 50), (0.5, 100)):
            await_(lambda frames=frames: session.progress.done >= frames)
            session.store.set("9.volume", volume)
        assert session.wait(PATIENCE_S) and session.state == "done", session.error
        let_end(process)
    muted, back = session.store.taken.lanes["9.volume"].pts
    with av.open(str(got)) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    loud = np.sqrt(np.square(heard[: len(heard) // 480 * 480]).reshape(-1, 480).mean(1))  # of 10 ms
    (silent,) = [run for run in bursts(np.flatnonzero(loud < 1e-3) / 100) if run[1] - run[0] > 0.5]
    lasted = silent[1] - silent[0] + 0.01
    print(f"silent for {lasted:.2f} s, muted for {back - muted:.2f} s")
    assert lasted == pytest.approx(back - muted, abs=0.06)
    assert np.median(loud[: int(100 * silent[0]) - 5]) == pytest.approx(0.3 / 2**0.5, rel=0.05)
    assert np.median(loud[int(100 * silent[1]) + 10 : -20]) == pytest.approx(0.15 / 2**0.5, rel=0.05)

"""A network source's sound reaches the file in step with flashes, with drops and after a reconnection."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import av
import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, stylise
from stream_servers import ffmpeg, free_port

from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.modulation.modulator import Modulator
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.session import StreamSession

pytestmark = pytest.mark.slow

IN_STEP_S = 0.040
LONG_S = 0.12
FLASH = f"color=black:s=64x48:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,1),{LONG_S})'"
BEEP = f"aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),{LONG_S})':s=48000"
PATIENCE_S = 60.0


def flashing(*output: str) -> AbstractContextManager:
    """An ffmpeg that flashes and beeps once a second, in real time."""
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "12"]
    encoding += ["-pix_fmt", "yuv420p", "-threads", "1", "-c:a", "aac", "-b:a", "96k"]
    inputs = ["-f", "lavfi", "-i", FLASH, "-re", "-f", "lavfi", "-i", BEEP]
    return ffmpeg("-re", *inputs, *encoding, *output)


def play(url: str, target: Path, denoise_s: float) -> tuple[StreamSession, Behaviour]:
    """Plays the address through a model that takes so long for two pictures, and inverts them.

    A server that is only just starting is asked again. The sound moves the seed, too.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        behaviour = Behaviour(first=2, chunk_frames=2, delays={"denoise": denoise_s})
        source = PlanNode(Read(LiveSpec("network", url, allow_private=True)), (), "1")
        plan = PlanNode(Write(SinkSpec(str(target), quality=30)), (stylise(source),), "9")
        session = StreamSession(plan, Zoo({"stub": behaviour}))
        session.store.modulate("2.seed", Modulator("level", 0.0, 100.0))
        session.start()
        await_(lambda session=session: session.telemetry.frames > 0 or session.wait(0))
        if not session.wait(0):
            return session, behaviour
        assert time.monotonic() < deadline, session.error


def await_(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def finish(session: StreamSession) -> Path:
    session.stop()
    assert session.wait(PATIENCE_S) and session.state == "done", session.error
    path = session.take_result("9").path
    assert path is not None
    return path


def out_of_step(path: Path) -> tuple[float, int]:
    """The most by which a lit picture is shown beside its beep, or a dark one in it, seconds; and the beeps.

    So it does not matter which pictures of a flash were dropped. A flash that lasts longer than it was sent
    was held over a break.
    """
    with av.open(str(path)) as file:
        seen = [(float(frame.time), frame.to_ndarray(format="gray").mean()) for frame in file.decode(video=0)]
    with av.open(str(path)) as file:
        heard = [(float(frame.time), frame.to_ndarray().mean(0)) for frame in file.decode(audio=0)]
        rate = file.streams.audio[0].rate
    moments, light = (np.array(column) for column in zip(*seen, strict=True))
    times = np.concatenate([begin + np.arange(len(part)) / rate for begin, part in heard])
    loud = np.abs(np.concatenate([part for _, part in heard])) > 0.1
    lit = light < 128  # the model inverts
    worst, beeps = 0.0, bursts(times[loud])
    for begin, end in bursts(moments[lit]):
        if end - begin < 2 * LONG_S:
            near = [max(first - begin, end - last) for first, last in beeps if abs(first - begin) < 0.5]
            worst = max([worst, *near[:1]])
    for first, last in beeps:
        inside = [min(now - first, last - now) for now in moments[~lit] if first < now < last]
        worst = max([worst, *inside])
    return worst, len(beeps)


def bursts(times: np.ndarray) -> list[tuple[float, float]]:
    """The first and last moment of each run of moments."""
    return [
        (run[0], run[-1]) for run in np.split(times, np.flatnonzero(np.diff(times) > 0.3) + 1) if len(run)
    ]


def udp(port: int) -> tuple[str, Callable[[], AbstractContextManager]]:
    url = f"udp://127.0.0.1:{port}"
    return url, lambda: flashing("-f", "mpegts", f"{url}?pkt_size=1316")


def rtmp(port: int) -> tuple[str, Callable[[], AbstractContextManager]]:
    url = f"rtmp://127.0.0.1:{port}/live/stream"
    return url, lambda: flashing("-f", "flv", "-listen", "1", url)


@pytest.mark.parametrize("kind", [udp, rtmp])
def test_beeps_and_flashes_stay_together(tmp_path: Path, kind: Callable) -> None:
    url, publish = kind(free_port())
    with publish():
        session, _ = play(url, tmp_path / "live.mp4", denoise_s=0.01)
        time.sleep(7.0)
        path = finish(session)
    worst, beeps = out_of_step(path)
    print(f"{kind.__name__}: {worst * 1000:.1f} ms out of step, {beeps} beeps")
    assert beeps >= 5 and worst <= IN_STEP_S


def test_they_do_while_pictures_drop_and_after_a_reconnection(tmp_path: Path) -> None:
    url, publish = udp(free_port())
    with publish():
        session, behaviour = play(url, tmp_path / "live.mp4", denoise_s=0.15)
        time.sleep(6.0)
    await_(lambda: session.telemetry.snapshot()["sources"]["1"]["state"] == "reconnecting")
    with publish():
        await_(lambda: session.telemetry.snapshot()["sources"]["1"]["reconnects"] >= 1)
        time.sleep(6.0)
        dropped = session.telemetry.snapshot()["sources"]["1"]["dropped"]
        path = finish(session)
    worst, beeps = out_of_step(path)
    print(f"{worst * 1000:.1f} ms out of step, {beeps} beeps, {dropped} pictures dropped")
    assert dropped > 20 and beeps >= 8 and worst <= IN_STEP_S
    heard = [live["2.seed"] for live in behaviour.live]
    assert max(heard) > 50 and min(heard) == 0, "a live source's sound moves numbers, too"

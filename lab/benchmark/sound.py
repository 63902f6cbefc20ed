"""How far sound is from its picture, from a live source to a file and to a network target.

A flash and a beep come once a second from ffmpeg over UDP, which dies now and then; the demo model takes the
pictures that it has time for; ffmpeg receives what is sent. Only timestamps are compared, so a busy machine
changes how many pictures are dropped, and nothing else.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from ...engine.conditioning.recipe import ConditioningRecipe
from ...engine.families import load_model
from ...engine.families.base import DenoiseSettings, ModelHandle
from ...engine.media.live.sink_spec import LiveSinkSpec
from ...engine.media.live.source_spec import LiveSpec
from ...engine.media.sinks import SinkSpec
from ...engine.runtime.plan import PlanNode, Read, Stylise, Write
from ...engine.runtime.session import StreamSession
from ...engine.version import PACK

LONG_S = 0.12
FLASH = f"color=black:s=64x48:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,1),{LONG_S})'"
BEEP = f"aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),{LONG_S})':s=48000"
QUIET_S = 2.0
"""How long the source is away."""

BREAK_S = 60.0
"""How often."""

SIDE = 64
_FFMPEG = ("ffmpeg", "-y", "-nostdin", "-loglevel", "error")


def flash_and_beep(*output: str, real_time: bool = True) -> list[str]:
    """Arguments of an ffmpeg that flashes and beeps once a second."""
    pace = ["-re"] if real_time else []
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "12"]
    encoding += ["-pix_fmt", "yuv420p", "-threads", "1", "-c:a", "aac", "-b:a", "96k"]
    inputs = [*pace, "-f", "lavfi", "-i", FLASH, *pace, "-f", "lavfi", "-i", BEEP]
    return [*inputs, *encoding, *output]


def out_of_step(path: Path, inverted: bool = False, after: float = 0.0) -> tuple[float, int]:
    """The most by which a lit picture is shown beside its beep, or a dark one in it, seconds; and the beeps.

    So it does not matter which pictures of a flash were dropped. A flash that lasts longer than it was sent
    was held over a break.

    Args:
        path: of the file.
        inverted: whether a model has made the flashes dark.
        after: seconds at the beginning that don't count.
    """
    with av.open(str(path)) as file:
        seen = [(float(frame.time), frame.to_ndarray(format="gray").mean()) for frame in file.decode(video=0)]
    loud: list[np.ndarray] = []
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            heard = np.flatnonzero(np.abs(frame.to_ndarray().mean(0)) > 0.1)
            loud.append(float(frame.time) + heard / frame.sample_rate)
    moments, light = (np.array(column) for column in zip(*seen, strict=True))
    lit = ((light < 128) == inverted) & (moments >= after)
    worst, beeps = 0.0, [beep for beep in bursts(np.concatenate(loud)) if beep[0] >= after]
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


def measure(seconds: float) -> dict[str, Any]:
    """Plays for so long; ``out_of_step_ms``, and how many beeps were heard, for both targets."""
    with tempfile.TemporaryDirectory() as folder:
        return _measure(seconds, min(BREAK_S, seconds / 3), Path(folder))


def _measure(seconds: float, break_every: float, folder: Path) -> dict[str, Any]:
    source, target = f"udp://127.0.0.1:{_free_port()}", f"rtmp://127.0.0.1:{_free_port()}/live/key"
    written, received = folder / "written.mp4", folder / "received.mkv"
    publish = [*_FFMPEG, *flash_and_beep("-f", "mpegts", f"{source}?pkt_size=1316")]
    receiver = subprocess.Popen([*_FFMPEG, "-listen", "1", "-i", target, "-c", "copy", str(received)])
    publisher = subprocess.Popen(publish)
    try:
        session = StreamSession(_plan(source, target, written), _load)
        session.start()
        while not session.telemetry.frames and not session.wait(0.1):
            pass
        ending, breaks = time.monotonic() + seconds, 0
        due = time.monotonic() + break_every
        while not session.wait(min(1.0, max(0.0, ending - time.monotonic()))):
            if time.monotonic() >= ending:
                break
            if time.monotonic() >= due:
                _kill(publisher)
                session.wait(QUIET_S)
                publisher = subprocess.Popen(publish)
                breaks, due = breaks + 1, time.monotonic() + break_every
        if session.error:
            raise session.error
        told = session.telemetry.snapshot()["sources"]["1"]
        session.stop()
        session.join()
        receiver.wait(30)
    finally:
        _kill(publisher)
        _kill(receiver)
    report: dict[str, Any] = {"seconds": seconds, "breaks": breaks}
    report |= {"reconnects": told["reconnects"], "dropped": told["dropped"]}
    for name, path in (("file", written), ("network", received)):
        worst, beeps = out_of_step(path)
        report[name] = {"out_of_step_ms": round(worst * 1000, 1), "beeps": beeps}
    return report


def _plan(source: str, target: str, written: Path) -> PlanNode:
    read = PlanNode(Read(LiveSpec("network", source, allow_private=True)), (), "1")
    settings = DenoiseSettings(strength=0.0, width=SIDE, height=SIDE)  # flashes stay flashes
    handle = ModelHandle(str(PACK / "engine" / "weights" / "mllm-edit"))
    restyle = PlanNode(Stylise(handle, ConditioningRecipe("", node_id="3"), settings), (read,), "4")
    file = PlanNode(Write(SinkSpec(str(written), quality=30), preview=False), (restyle,), "5")
    return PlanNode(Write(LiveSinkSpec("network", target, allow_private=True), preview=False), (file,), "6")


def _load(handle: ModelHandle) -> Any:
    return load_model(handle, torch.device("cpu"), torch.float32)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

"""A picture that flashes while a sound beeps, and how far apart both are in what became of them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import av
import numpy as np
from stream_servers import ffmpeg

IN_STEP_S = 0.040
LONG_S = 0.12
FLASH = f"color=black:s=64x48:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,1),{LONG_S})'"
BEEP = f"aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),{LONG_S})':s=48000"


def flashing(*output: str, real_time: bool = True) -> AbstractContextManager:
    """An ffmpeg that flashes and beeps once a second."""
    pace = ["-re"] if real_time else []
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "12"]
    encoding += ["-pix_fmt", "yuv420p", "-threads", "1", "-c:a", "aac", "-b:a", "96k"]
    inputs = [*pace, "-f", "lavfi", "-i", FLASH, *pace, "-f", "lavfi", "-i", BEEP]
    return ffmpeg(*inputs, *encoding, *output)


def out_of_step(path: Path, inverted: bool = True, after: float = 0.0) -> tuple[float, int]:
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
    with av.open(str(path)) as file:
        heard = [(float(frame.time), frame.to_ndarray().mean(0)) for frame in file.decode(audio=0)]
        rate = file.streams.audio[0].rate
    moments, light = (np.array(column) for column in zip(*seen, strict=True))
    times = np.concatenate([begin + np.arange(len(part)) / rate for begin, part in heard])
    loud = np.abs(np.concatenate([part for _, part in heard])) > 0.1
    lit = ((light < 128) == inverted) & (moments >= after)
    worst, beeps = 0.0, [beep for beep in bursts(times[loud]) if beep[0] >= after]
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

"""Clips in which flashes and beeps come together."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 48_000
LONG = 0.06
"""Seconds that a flash and a beep last."""


def beep(times: list[float], seconds: float, pitch: float = 1000.0) -> np.ndarray:
    """Float32 mono at ``RATE``: silence, and beeps that begin at these times."""
    moments = np.arange(int(seconds * RATE)) / RATE
    loud = np.zeros(len(moments), bool)
    for begin in times:
        loud |= (moments >= begin) & (moments < begin + LONG)
    return (0.5 * np.sin(2 * np.pi * pitch * moments) * loud).astype(np.float32)


def flash_and_beep(
    path: Path, times: list[float], *, seconds: float = 4.0, fps: int = 25, size: tuple[int, int] = (64, 48)
) -> Path:
    """A dark video that is white while it beeps; the suffix chooses the container."""
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=fps, options={"bf": "0"})
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        sound = file.add_stream("aac", rate=RATE, layout="mono")
        for index in range(int(seconds * fps)):
            lit = any(begin <= index / fps < begin + LONG for begin in times)
            shape = (size[1], size[0], 3)
            frame = av.VideoFrame.from_ndarray(np.full(shape, 230 if lit else 20, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        samples = beep(times, seconds)
        for start in range(0, len(samples), 1024):
            part = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], "fltp", "mono")
            part.sample_rate, part.pts = RATE, start
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))
    return path

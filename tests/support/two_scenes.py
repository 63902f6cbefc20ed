"""Clips with hard cuts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from sample_clips import make_clip, write_tone


def make_two_scenes(
    path: Path, first: int, second: int, *, fps: int = 24, size: tuple[int, int] = (192, 112)
) -> Path:
    """Two scenes of ``first`` and of ``second`` frames, no sound; ``size`` is even."""
    return make_scenes(path, (first, second), fps=fps, size=size, audio=False)


def make_scenes(
    path: Path, lengths: Sequence[int], *, fps: int = 24, size: tuple[int, int] = (64, 64), audio: bool = True
) -> Path:
    """Scenes joined: of the wandering square, and of its dark negative in turn.

    Args:
        lengths: frames of each scene.
        size: width and height, even.
        audio: whether a tone of the same length goes along.
    """
    scene = make_clip(path.with_name(f"scene_{path.name}"), frames=max(lengths), size=size, audio=False)
    with av.open(str(scene)) as clip:
        pictures = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    scene.unlink()
    shown = [
        (255 - picture) // 3 if number % 2 else picture
        for number, length in enumerate(lengths)
        for picture in pictures[:length]
    ]
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=fps)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        tone = file.add_stream("aac", rate=48000) if audio else None
        for index, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        if tone:
            write_tone(file, tone, len(shown) / fps)
    return path

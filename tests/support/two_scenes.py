"""A clip with one hard cut."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from sample_clips import make_clip


def make_two_scenes(
    path: Path, first: int, second: int, *, fps: int = 24, size: tuple[int, int] = (192, 112)
) -> Path:
    """Two clips joined: ``first`` frames of the wandering square, ``second`` of its dark negative; no sound.

    Args:
        size: width and height, even.
    """
    scene = make_clip(path.with_name(f"scene_{path.name}"), frames=max(first, second), size=size, audio=False)
    with av.open(str(scene)) as clip:
        pictures = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    scene.unlink()
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=fps)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        for index, picture in enumerate(pictures[:first] + [(255 - p) // 3 for p in pictures[:second]]):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
    return path

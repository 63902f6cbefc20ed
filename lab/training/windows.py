"""Windows of consecutive frames of real clips, each with one crop and one light."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from .clips import all_frames, augmented_crop
from .splits import clips_of

STRIDES = (1, 1, 2)  # frames from one to the next of a window, drawn at random: 24 fps and 12 fps motion


def draw_windows(
    videos: Path, count: int, length: int, size: int, seed: int, without: Collection[str] = ()
) -> Iterator[np.ndarray]:
    """``count`` windows, uint8 RGB (length, size, size, 3), spread evenly over the training clips.

    Window i depends on (seed, i) only. A short clip plays to and fro; those named ``without`` are left out.

    Raises:
        FileNotFoundError: the folder holds no usable video.
    """
    clips = clips_of(videos, "train", without)
    per_clip, index = -(-count // len(clips)), 0
    for place, clip in enumerate(clips):
        frames = all_frames(clip, 2 * size)
        share = count - index if place == len(clips) - 1 else min(per_clip, count - index)
        for _ in range(share):
            rng = np.random.default_rng((seed, index))
            yield window(frames, length, size, rng)
            index += 1


def window(frames: np.ndarray, length: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """One window of a clip (N, H, W, 3): random place, pace, crop, light; a short clip plays to and fro."""
    stride = int(rng.choice(STRIDES))
    start = int(rng.integers(max(1, len(frames) - (length - 1) * stride)))
    there_and_back = [*range(len(frames)), *range(len(frames) - 2, 0, -1)] or [0]
    picks = [there_and_back[(start + i * stride) % len(there_and_back)] for i in range(length)]
    look = int(rng.integers(2**32))  # every frame of the window draws the same crop and light
    return np.stack([augmented_crop(frames[i], size, np.random.default_rng(look)) for i in picks])

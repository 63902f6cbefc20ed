"""The pool of (source, target in every style) pictures that training draws from.

Painting a target costs 1 to 60 ms, a training step draws hundreds: the pool is painted once,
by seed, into a memory-mapped file that every later recipe reuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..styles import STYLES, stylise
from .clips import augmented_crop, sample_frames
from .pool import painted_pool
from .splits import clips_of

VARIANTS = ("none", *STYLES)


def paint_pool(videos: Path, folder: Path, crops: int, size: int, seed: int, workers: int) -> np.ndarray:
    """Paint ``crops`` random crops of the training clips in all styles; reuses an equal pool.

    The pool is uint8 (crops, 1 + styles, size, size, 3); variant 0 is the source itself.

    Args:
        videos: folder of training clips.
        folder: where ``pool.npy`` and ``pool.json`` go.
        crops: number of source crops, spread evenly over the clips.
        size: side of a crop in pixels.
        seed: crop i depends on (seed, i) only.
        workers: painting threads (OpenCV and the teacher release the GIL).
    """
    recipe = {
        "videos": sorted(p.name for p in clips_of(videos, "train")),
        "crops": crops,
        "size": size,
        "seed": seed,
        "variants": list(VARIANTS),
    }
    shape = (crops, len(VARIANTS), size, size, 3)
    sources = _crops(videos, crops, size, seed)
    return painted_pool(folder, "pool", recipe, shape, sources, _paint, workers)


def _crops(videos: Path, count: int, size: int, seed: int) -> Iterator[np.ndarray]:
    clips = clips_of(videos, "train")
    per_clip = -(-count // len(clips))
    index = 0
    for clip in clips:
        frames = sample_frames(clip, min(per_clip, 60), round(size * 1.5))
        for number in range(min(per_clip, count - index)):
            yield augmented_crop(frames[number % len(frames)], size, np.random.default_rng((seed, index)))
            index += 1


def _paint(variants: np.ndarray, index: int) -> None:
    source = np.array(variants[0])
    for variant, style in enumerate(STYLES, start=1):
        variants[variant] = stylise(source, style)

"""The pool of (source, target in every style) pictures that training draws from.

Painting a target costs 1 to 60 ms, a training step draws hundreds: the pool is painted once,
by seed, into a memory-mapped file that every later recipe reuses.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from .clips import augmented_crop, sample_frames, training_clips
from .styles import STYLES, stylise

VARIANTS = ("none", *STYLES)


def open_pool(folder: Path) -> np.ndarray:
    """uint8 (crops, 1 + styles, size, size, 3), read-only; variant 0 is the source itself."""
    return np.load(folder / "pool.npy", mmap_mode="r")


def paint_pool(videos: Path, folder: Path, crops: int, size: int, seed: int, workers: int) -> np.ndarray:
    """Paint ``crops`` random crops of the training clips in all styles; reuses an equal pool.

    Args:
        videos: folder of training clips.
        folder: where ``pool.npy`` and ``pool.json`` go.
        crops: number of source crops, spread evenly over the clips.
        size: side of a crop in pixels.
        seed: crop i depends on (seed, i) only.
        workers: painting threads (OpenCV and the teacher release the GIL).
    """
    recipe = {
        "videos": sorted(p.name for p in training_clips(videos)),
        "crops": crops,
        "size": size,
        "seed": seed,
        "variants": list(VARIANTS),
    }
    note = folder / "pool.json"
    if note.exists() and json.loads(note.read_text()) == recipe:
        return open_pool(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shape = (crops, len(VARIANTS), size, size, 3)
    pool = np.lib.format.open_memmap(folder / "pool.npy", mode="w+", dtype=np.uint8, shape=shape)
    for index, crop in enumerate(tqdm(_crops(videos, crops, size, seed), total=crops, desc="crops")):
        pool[index, 0] = crop
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(workers) as executor:
        jobs = executor.map(lambda index: _paint(pool[index]), range(crops))
        for _ in tqdm(jobs, total=crops, desc="targets"):
            pass
    pool.flush()
    note.write_text(json.dumps(recipe, indent=1))
    return open_pool(folder)


def _crops(videos: Path, count: int, size: int, seed: int):
    clips = training_clips(videos)
    per_clip = -(-count // len(clips))
    index = 0
    for clip in clips:
        frames = sample_frames(clip, min(per_clip, 60), round(size * 1.5))
        for number in range(min(per_clip, count - index)):
            yield augmented_crop(frames[number % len(frames)], size, np.random.default_rng((seed, index)))
            index += 1


def _paint(variants: np.ndarray) -> None:
    source = np.array(variants[0])
    for variant, style in enumerate(STYLES, start=1):
        variants[variant] = stylise(source, style)

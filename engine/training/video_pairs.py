"""The pool of moving pictures that the video autoencoder trains on: windows of clips, and painted ones."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..motion.flow import optical_flow
from ..motion.occlusion import visible
from ..motion.warp import sample
from .clips import training_clips
from .styles import CLASSICAL, PAINTERLY, stylise
from .windows import draw_windows

VARIANTS = ("source", "classical", "painterly")
KEPT = 0.7  # share of the frame before in a steadied one


def open_windows(folder: Path) -> np.ndarray:
    """uint8 (windows, variants, frames, size, size, 3), read-only; variant 0 is the source itself."""
    return np.load(folder / "windows.npy", mmap_mode="r")


def paint_windows(
    videos: Path, folder: Path, count: int, frames: int, size: int, seed: int, workers: int
) -> np.ndarray:
    """Draw windows of the training clips and paint each in one style of both kinds; reuses an equal pool.

    Args:
        videos: folder of training clips.
        folder: where ``windows.npy`` and ``windows.json`` go.
        count: number of windows.
        frames: frames of a window.
        size: side of a frame in pixels.
        seed: window i and its styles depend on (seed, i) only.
        workers: painting threads (OpenCV and the teacher release the GIL).
    """
    recipe = {
        "videos": sorted(p.name for p in training_clips(videos)),
        "windows": count,
        "frames": frames,
        "size": size,
        "seed": seed,
        "variants": list(VARIANTS),
    }
    note = folder / "windows.json"
    if note.exists() and json.loads(note.read_text()) == recipe:
        return open_windows(folder)
    folder.mkdir(parents=True, exist_ok=True)
    shape = (count, len(VARIANTS), frames, size, size, 3)
    pool = np.lib.format.open_memmap(folder / "windows.npy", mode="w+", dtype=np.uint8, shape=shape)
    drawn = draw_windows(videos, count, frames, size, seed)
    for index, clip in enumerate(tqdm(drawn, total=count, desc="windows")):
        pool[index, 0] = clip
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(workers) as executor:
        jobs = executor.map(lambda index: _paint(pool[index], (seed, index, 1)), range(count))
        for _ in tqdm(jobs, total=count, desc="targets"):
            pass
    pool.flush()
    note.write_text(json.dumps(recipe, indent=1))
    return open_windows(folder)


def _paint(variants: np.ndarray, seed: tuple[int, ...]) -> None:
    source, rng = np.array(variants[0]), np.random.default_rng(seed)
    classical, painterly = rng.choice(list(CLASSICAL)), rng.choice(list(PAINTERLY))
    variants[1] = [stylise(frame, classical) for frame in source]
    variants[2] = steadied(np.stack([stylise(frame, painterly) for frame in source]), source)


def steadied(painted: np.ndarray, source: np.ndarray, kept: float = KEPT) -> np.ndarray:
    """Take the flicker out of a per-frame painting: each frame is mostly the one before, carried along.

    Args:
        painted, source: uint8 RGB (N, H, W, 3); the motion is the source's.
        kept: share of the carried frame where the source shows the same point again, 0..1; it falls
            smoothly to 0 where the source does not.
    """
    steady = [painted[0].astype(np.float32)]
    for before, now, picture in zip(source, source[1:], painted[1:], strict=False):
        flow = optical_flow(now, before)
        seen = visible(flow, optical_flow(before, now)).astype(np.float32)
        share = kept * cv2.GaussianBlur(cv2.erode(seen, np.ones((5, 5))), (0, 0), 2.0)[..., None]
        steady.append(share * sample(steady[-1], flow) + (1.0 - share) * picture)
    return np.uint8(np.stack(steady) + 0.5)

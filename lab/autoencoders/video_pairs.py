"""The pool of moving pictures that the video autoencoder trains on: windows of clips, and painted ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ...engine.motion.flow import optical_flow
from ...engine.motion.occlusion import visible
from ...engine.motion.warp import sample
from ..styles import CLASSICAL, PAINTERLY, stylise
from ..training.pool import open_pool, painted_pool
from ..training.splits import clips_of
from ..training.windows import draw_windows

VARIANTS = ("source", "classical", "painterly")
KEPT = 0.7  # share of the frame before in a steadied one


def open_windows(folder: Path) -> np.ndarray:
    """uint8 (windows, variants, frames, size, size, 3), read-only; variant 0 is the source itself."""
    return open_pool(folder, "windows")


def paint_windows(
    videos: Path,
    folder: Path,
    count: int,
    frames: int,
    size: int,
    seed: int,
    workers: int,
    without: Collection[str] = (),
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
        without: clips, by name without suffix, that are left out.
    """
    recipe = {
        "videos": sorted(p.name for p in clips_of(videos, "train", without)),
        "windows": count,
        "frames": frames,
        "size": size,
        "seed": seed,
        "variants": list(VARIANTS),
    }
    shape = (count, len(VARIANTS), frames, size, size, 3)

    def paint(variants: np.ndarray, index: int) -> None:
        _paint(variants, drawn_styles(seed, index))

    sources = draw_windows(videos, count, frames, size, seed, without)
    return painted_pool(folder, "windows", recipe, shape, sources, paint, workers)


def drawn_styles(seed: int, index: int) -> tuple[str, str]:
    """The classical and the painterly style of window ``index`` of a pool."""
    rng = np.random.default_rng((seed, index, 1))
    return str(rng.choice(list(CLASSICAL))), str(rng.choice(list(PAINTERLY)))


def _paint(variants: np.ndarray, styles: tuple[str, str]) -> None:
    source, (classical, painterly) = np.array(variants[0]), styles
    variants[1] = [stylise(frame, classical) for frame in source]
    variants[2] = steadied(np.stack([stylise(frame, painterly) for frame in source]), carried(source))


class Carried(NamedTuple):
    """How much of the frame before is still there in a frame.

    Attributes:
        flow: (H, W, 2) in pixels, from this frame to the one before.
        share: float32 (H, W, 1) in 0..1, 0 where this frame shows something new.
    """

    flow: np.ndarray
    share: np.ndarray


def carried(source: np.ndarray, kept: float = KEPT) -> list[Carried]:
    """For each frame but the first of uint8 RGB (N, H, W, 3).

    Args:
        kept: share where the source shows the same point again, 0..1; it falls smoothly to 0 where the
            source does not.
    """
    found = []
    for before, now in zip(source, source[1:], strict=False):
        flow = optical_flow(now, before)
        seen = visible(flow, optical_flow(before, now)).astype(np.float32)
        smooth = cv2.GaussianBlur(cv2.erode(seen, np.ones((5, 5))), (0, 0), 2.0)
        found.append(Carried(flow, kept * smooth[..., None]))
    return found


def steadied(painted: np.ndarray, along: Sequence[Carried]) -> np.ndarray:
    """Take the flicker out of a per-frame painting: each frame is mostly the one before, carried along.

    Args:
        painted: uint8 RGB (N, H, W, 3).
        along: of the painting's source.
    """
    steady = [painted[0].astype(np.float32)]
    for (flow, share), picture in zip(along, painted[1:], strict=True):
        steady.append(share * sample(steady[-1], flow) + (1.0 - share) * picture)
    return np.uint8(np.stack(steady) + 0.5)

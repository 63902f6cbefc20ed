"""Style pictures to train on: paintings are few, so they are cropped, recoloured, mixed and tiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ...training.clips import augmented_crop

HELD_OUT = ("starry-night", "the-kiss", "carceri", "water-lilies")  # only ever measured with
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
SHARES = {"painting": 0.5, "mixture": 0.2, "texture": 0.15, "frame": 0.15}


def load_paintings(folder: Path) -> list[np.ndarray]:
    """The pictures of a folder that may be trained on, uint8 RGB, in name order.

    Raises:
        FileNotFoundError: the folder holds no usable picture.
    """
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.stem not in HELD_OUT)
    if not paths:
        raise FileNotFoundError(f"No style picture in {folder}: put .jpg or .png pictures there.")
    return [cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1] for path in paths]


def draw_style(
    paintings: Sequence[np.ndarray], frame: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """A style picture nobody has painted: uint8 RGB (size, size, 3).

    Args:
        paintings: to cut from, each larger than ``size``.
        frame: a video frame, which is a style now and then.
        size: side in pixels.
    """
    kind = rng.choice(list(SHARES), p=list(SHARES.values()))
    if kind == "frame":
        return augmented_crop(frame, size, rng)
    picks = rng.integers(len(paintings), size=2)
    first, second = (augmented_crop(paintings[pick], size, rng) for pick in picks)
    if kind == "mixture":
        return _mixed(first, second, rng)
    return _tiled(first, rng) if kind == "texture" else first


def _mixed(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two pictures in soft patches."""
    size = len(first)
    patches = cv2.resize(rng.random((5, 5), np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    share = np.clip(4.0 * (patches - 0.5) + 0.5, 0.0, 1.0)[..., None]
    return np.uint8(share * first + (1.0 - share) * second + 0.5)


def _tiled(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A patch of a picture, mirrored over and over."""
    size = len(picture)
    side = int(rng.integers(size // 6, size // 2))
    top, left = rng.integers(0, size - side + 1, 2)
    patch = picture[top : top + side, left : left + side]
    return cv2.copyMakeBorder(patch, 0, size - side, 0, size - side, cv2.BORDER_REFLECT)

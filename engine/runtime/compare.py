"""Two streams in one picture: what is compared goes left, the result right."""

from __future__ import annotations

import numpy as np

from .plan import CompareMode

LINE_WIDTH = 2
"""Pixels of the white line between the halves of a wipe."""


def composite(mode: CompareMode, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, 3) twice in; ``side_by_side`` gives (N, H, 2 W, 3), ``wipe`` halves of each."""
    if mode == "side_by_side":
        return np.concatenate([left, right], axis=2)
    middle = right.shape[2] // 2
    picture = right.copy()
    picture[:, :, :middle] = left[:, :, :middle]
    picture[:, :, max(0, middle - LINE_WIDTH // 2) : middle + LINE_WIDTH // 2] = 255
    return picture


def composite_width(mode: CompareMode, width: int) -> int:
    """Width of the composite of two pictures that are ``width`` wide."""
    return 2 * width if mode == "side_by_side" else width

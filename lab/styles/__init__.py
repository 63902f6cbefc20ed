"""Named styles: how a training or evaluation target is painted from a source frame."""

from __future__ import annotations

from functools import partial

import numpy as np

from .classical import CLASSICAL, SCREEN_LOCKED
from .teacher import PAINTERLY, paint

__all__ = ["PAINTERLY", "SCREEN_LOCKED", "STYLES", "stylise"]

STYLES = (*CLASSICAL, *PAINTERLY)


def stylise(frame: np.ndarray, style: str) -> np.ndarray:
    """Paint a frame.

    Args:
        frame: uint8 RGB (H, W, 3).
        style: one of ``STYLES``, or ``"none"`` for the frame itself.

    Returns:
        uint8 RGB (H, W, 3).
    """
    if style == "none":
        return frame
    painter = CLASSICAL.get(style) or partial(paint, style=style)
    return np.uint8(painter(np.float32(frame) / 255.0) * 255.0 + 0.5)

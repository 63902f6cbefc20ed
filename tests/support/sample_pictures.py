"""A picture with edges, flat parts, gradients and texture, made without any file."""

from __future__ import annotations

import cv2
import numpy as np


def picture(side: int, seed: int = 0) -> np.ndarray:
    """uint8 RGB (side, side, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    canvas = np.stack([x, y, 1.0 - x * y], axis=2) * 200.0
    texture = cv2.GaussianBlur(rng.normal(0.0, 60.0, (side, side)), (0, 0), 1.5)
    canvas[: side // 2] += texture[: side // 2, :, None]
    canvas = np.ascontiguousarray(np.uint8(np.clip(canvas, 0, 255)))
    for _ in range(6):
        centre = tuple(int(v) for v in rng.integers(0, side, 2))
        colour = tuple(int(v) for v in rng.integers(0, 255, 3))
        cv2.circle(canvas, centre, int(rng.integers(side // 12, side // 4)), colour, -1)
    return canvas

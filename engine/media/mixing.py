"""Two pictures of one size in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

MixMode = Literal["crossfade", "picture in picture", "mask"]


@dataclass(frozen=True)
class Mix:
    """Show a second stream (B) in a first (A).

    Attributes:
        mix: how B is shown: over all of A, in an inset, or where a mask is bright.
        balance: how much of B is seen there, 0 to 1.
        inset_x, inset_y: where the inset is, 0 (left, top) to 1 (right, bottom); it is always whole.
        inset_size: its width and height as a share of the picture's, above 0 up to 1.

    All but ``mix`` are live under ``"<node_id>.<name>"``, frame by frame.
    """

    mix: MixMode = "crossfade"
    balance: float = 1.0
    inset_x: float = 1.0
    inset_y: float = 1.0
    inset_size: float = 0.3


def mixed(mix: Mix, a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """One picture of two; at balance 0 it equals ``a``.

    Args:
        a, b: uint8 RGB (H, W, 3).
        mask: the same; its brightness counts. None takes B's own.
    """
    if mix.mix == "mask":
        bright = cv2.cvtColor(b if mask is None else mask, cv2.COLOR_RGB2GRAY)
        share = np.rint(bright * mix.balance).astype(np.uint16)[..., None]
        return ((a * (255 - share) + b * share + 127) // 255).astype(np.uint8)
    if mix.mix == "crossfade":
        return _faded(a, b, mix.balance)
    height, width = (max(1, round(side * mix.inset_size)) for side in a.shape[:2])
    top, left = round((a.shape[0] - height) * mix.inset_y), round((a.shape[1] - width) * mix.inset_x)
    place = np.s_[top : top + height, left : left + width]
    picture = a.copy()
    inset = b if mix.inset_size == 1 else cv2.resize(b, (width, height), interpolation=cv2.INTER_AREA)
    picture[place] = _faded(picture[place], inset, mix.balance)
    return picture


def _faded(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    return cv2.addWeighted(a, 1 - share, b, share, 0)

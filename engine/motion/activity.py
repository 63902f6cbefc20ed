"""How busy a source is: its motion, its detail, and where scenes begin."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..sampling.noise_control import largest_difference
from .flow import grey
from .scene import CutDetector

FASTEST = 0.2
"""Root mean square difference of two frames in -1..1 that counts as full motion (StreamDiffusionV2's)."""

SIDE = 128
"""Pixels of the short side on which detail is measured."""

FINEST = 40.0
"""Mean absolute Laplacian of the luma (0..255) at that size that counts as full detail."""


@dataclass(frozen=True)
class Activity:
    """Of one chunk: motion and detail, 0 to 1, and whether a scene begins in it."""

    motion: float
    detail: float
    cut: bool


class ActivityMeter:
    """Watches a source that arrives in chunks."""

    def __init__(self) -> None:
        self._cuts = CutDetector()
        self._last: np.ndarray | None = None

    def look(self, pixels: np.ndarray) -> tuple[Activity, tuple[int, ...]]:
        """The next frames, uint8 RGB (N, H, W, 3): their activity, and which of them begin a scene."""
        cuts = self._cuts.cuts(pixels)
        frames = pixels if self._last is None else np.concatenate([self._last[None], pixels])
        motion = min(1.0, largest_difference(frames) / FASTEST)
        self._last = pixels[-1].copy()
        return Activity(motion, detail(pixels[-1]), bool(cuts)), cuts


def detail(picture: np.ndarray) -> float:
    """Fine structure of a picture, uint8 RGB (H, W, 3): 0 for a plain one to 1."""
    scale = min(1.0, SIDE / min(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return min(1.0, float(np.abs(cv2.Laplacian(grey(small), cv2.CV_64F)).mean()) / FINEST)

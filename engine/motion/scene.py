"""Hard cuts: where a frame shows another scene than the one before it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

THUMB, SPREAD = 32, 128
"""Sides of the squares on which pixels and colours are compared."""

DIFFERENCE = 12.0
"""Mean absolute difference of the thumbs (YCrCb, 0..255) at which a frame may begin a scene."""

COLOURS = 0.3
"""Bhattacharyya distance of the colour histograms (0..1) at which it does. Fast motion and shake
change pixels (15.8 in the shared clips) but hardly colours (0.12 there); noise and exposure in the
dark change colours (0.7) but hardly pixels (2)."""


@dataclass(frozen=True)
class _Look:
    thumb: np.ndarray
    colours: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray) -> _Look:
        small = cv2.resize(picture, (SPREAD, SPREAD), interpolation=cv2.INTER_AREA)
        thumb = cv2.resize(small, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
        hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
        colours = cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 8], [0, 180, 0, 256, 0, 256])
        return cls(cv2.cvtColor(thumb, cv2.COLOR_RGB2YCrCb).astype(np.float32), colours)

    def cut_from(self, other: _Look) -> bool:
        if np.abs(self.thumb - other.thumb).mean() < DIFFERENCE:
            return False
        return cv2.compareHist(self.colours, other.colours, cv2.HISTCMP_BHATTACHARYYA) >= COLOURS


class CutDetector:
    """Finds hard cuts in a stream that arrives in parts."""

    def __init__(self) -> None:
        self._last: _Look | None = None

    def cuts(self, pixels: np.ndarray) -> tuple[int, ...]:
        """Which frames begin a scene; the stream's first frame does not count.

        Args:
            pixels: uint8 RGB (N, H, W, 3), the frames after those of the last call.
        """
        found = []
        for index, picture in enumerate(pixels):
            look = _Look.of(picture)
            if self._last is not None and look.cut_from(self._last):
                found.append(index)
            self._last = look
        return tuple(found)

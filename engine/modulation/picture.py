"""What is seen in a source's pictures: motion, brightness and cuts, each 0 to 1."""

from __future__ import annotations

import cv2
import numpy as np

from ..motion.scene import CutDetector

SIDE = 64
"""Of the square on which pictures are compared."""

MOST_MOTION = 32.0
"""Mean difference of two pictures' luma (0..255) that is motion 1."""

CUT_FALL_S = 0.5


class PictureLevels:
    """Looks at a stream that arrives in parts."""

    def __init__(self) -> None:
        self._cuts = CutDetector()
        self._before: np.ndarray | None = None
        self._cut_at = -CUT_FALL_S

    def look(self, picture: np.ndarray, time: float) -> tuple[float, float, float]:
        """Motion since the picture before, brightness, and 1 at a cut that falls to 0 in half a second.

        Args:
            picture: uint8 RGB (H, W, 3).
            time: seconds since the stream's start.
        """
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        difference = 0.0 if self._before is None else float(np.abs(luma - self._before).mean())
        self._before = luma
        if self._cuts.cuts(picture[None]):
            self._cut_at, difference = time, 0.0  # another scene has not moved
        cut = max(0.0, 1 - (time - self._cut_at) / CUT_FALL_S)
        return min(1.0, difference / MOST_MOTION), float(luma.mean()) / 255, cut

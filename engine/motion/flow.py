"""Dense optical flow between two pictures, on the CPU. OpenCV releases the GIL meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

NO_GUESS: Any = None  # OpenCV takes it for the flow to start from, its stubs do not
SMALLEST = 16  # pixels a side, below which the estimators have no pyramid


def grey(picture: np.ndarray) -> np.ndarray:
    """RGB (H, W, 3), uint8 or float32, to Rec. 601 luma (H, W)."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def farneback(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The paper's estimator with its parameters; uint8 luma (H, W) twice to (H, W, 2)."""
    return cv2.calcOpticalFlowFarneback(
        first,
        second,
        NO_GUESS,
        pyr_scale=0.5,
        levels=3,
        winsize=15,
        iterations=3,
        poly_n=5,
        poly_sigma=1.2,
        flags=0,
    )


def _dis(preset: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        # one object a call: it keeps its pyramids inside, so threads can't share it
        return cv2.DISOpticalFlow.create(preset).calc(first, second, NO_GUESS)

    return estimate


ESTIMATORS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "dis_ultrafast": _dis(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST),
    "dis_fast": _dis(cv2.DISOPTICAL_FLOW_PRESET_FAST),
    "dis_medium": _dis(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
    "farneback": farneback,
}


def optical_flow(
    first: np.ndarray, second: np.ndarray, estimator: str = "dis_fast", scale: float = 1.0
) -> np.ndarray:
    """Where each pixel of ``first`` lies in ``second``.

    Args:
        first, second: uint8 RGB (H, W, 3).
        estimator: a key of ``ESTIMATORS``.
        scale: size at which motion is found, 0 to 1; smaller is faster and coarser.

    Returns:
        float32 (H, W, 2): (x, y) in pixels of the full size, ``first[y, x] = second[y + f_y, x + f_x]``.
    """
    height, width = first.shape[:2]
    luma = [grey(first), grey(second)]
    small = tuple(max(SMALLEST, round(side * scale)) for side in (width, height))
    if small == (width, height):
        return ESTIMATORS[estimator](*luma)
    found = ESTIMATORS[estimator](*(cv2.resize(p, small, interpolation=cv2.INTER_AREA) for p in luma))
    factors = np.array([width / small[0], height / small[1]], np.float32)
    return cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR) * factors


@dataclass(frozen=True)
class FlowSettings:
    """What a FLOW socket carries: how motion is found.

    Attributes:
        estimator: a key of ``ESTIMATORS``.
        scale: size at which motion is found, 0 to 1.
    """

    estimator: str = "dis_fast"
    scale: float = 0.5

    def find(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """``optical_flow`` with these settings."""
        return optical_flow(first, second, self.estimator, self.scale)


PAPER = FlowSettings("farneback", 1.0)

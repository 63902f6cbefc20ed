"""How steady a stylised clip is, on the 0..255 scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..motion.flow import optical_flow
from ..motion.occlusion import visible
from ..motion.warp import sample


@dataclass(frozen=True)
class PairMotion:
    """How one frame of the source becomes the next.

    Attributes:
        flow: (H, W, 2) in pixels.
        visible: bool (H, W), pixels that the next frame still shows.
    """

    flow: np.ndarray
    visible: np.ndarray


def clip_motion(source: np.ndarray, estimator: str = "farneback") -> list[PairMotion]:
    """The motion of each pair of neighbours in a clip, uint8 RGB (N, H, W, 3)."""
    motion = []
    for first, second in zip(source, source[1:], strict=False):
        forward = optical_flow(first, second, estimator)
        motion.append(PairMotion(forward, visible(forward, optical_flow(second, first, estimator))))
    return motion


def warping_error(clip: np.ndarray, motion: Sequence[PairMotion], *, masked: bool = False) -> float:
    """Mean absolute difference between a frame and the next one brought back along the source's motion.

    Lower is steadier, but blur and frozen pictures lower it too: never report it alone.

    Args:
        clip: uint8 RGB (N, H, W, 3).
        motion: N - 1 pairs of the source.
        masked: count visible pixels only; else all, as the paper does with Farneback.

    Raises:
        ValueError: no pair, or nothing visible in any.
    """
    total, count = 0.0, 0
    for first, second, pair in zip(clip, clip[1:], motion, strict=False):
        away = np.abs(first - sample(second.astype(np.float32), pair.flow)).mean(2, dtype=np.float64)
        counted = away[pair.visible] if masked else away
        total, count = total + float(counted.sum()), count + counted.size
    if not count:
        raise ValueError("a warping error needs a pair of frames with something visible in both")
    return total / count


def consecutive_l1(clip: np.ndarray) -> float:
    """Mean absolute difference of neighbouring frames, uint8 (N, H, W, 3), motion included."""
    return float(np.mean([reference_l1(a, b) for a, b in zip(clip, clip[1:], strict=False)]))


def consistency_ratio(clip: np.ndarray, motion: Sequence[PairMotion]) -> float:
    """The share of the frame-to-frame change that the source's motion does not explain."""
    return warping_error(clip, motion) / consecutive_l1(clip)


def reference_l1(clip: np.ndarray, reference: np.ndarray) -> float:
    """Mean absolute difference of two equal uint8 stacks."""
    return float(np.mean(np.abs(clip.astype(np.int16) - reference.astype(np.int16))))

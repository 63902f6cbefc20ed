"""How steady a stylised clip is, on the 0..255 scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...engine.motion.flow import grey, optical_flow
from ...engine.motion.occlusion import visible
from ...engine.motion.warp import sample


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


@dataclass(frozen=True)
class PairErrors:
    """How far each frame is from the next one brought back along the source's motion.

    Attributes:
        everywhere: mean absolute difference over all pixels, (pairs,).
        visible: the same over the pixels that the next frame still shows, (pairs,).
        share: how much of the picture those are, (pairs,).
    """

    everywhere: np.ndarray
    visible: np.ndarray
    share: np.ndarray


def residual(first: np.ndarray, second: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``first`` minus ``second`` brought back along ``flow``; uint8 or float32 pictures to float32."""
    return first - sample(second.astype(np.float32), flow)


def pair_errors(clip: np.ndarray, motion: Sequence[PairMotion]) -> PairErrors:
    """The error of each pair of neighbours; ``clip`` uint8 RGB (N, H, W, 3), ``motion`` N - 1 pairs."""
    rows = []
    for first, second, pair in zip(clip, clip[1:], motion, strict=False):
        away = np.abs(residual(first, second, pair.flow)).mean(2, dtype=np.float64)
        share = float(pair.visible.mean())
        rows.append((away.mean(), away[pair.visible].mean() if share else 0.0, share))
    return PairErrors(*np.array(rows).reshape(-1, 3).T)


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
    errors = pair_errors(clip, motion)
    values, weights = (errors.visible, errors.share) if masked else (errors.everywhere, None)
    if not len(values) or (masked and not errors.share.any()):
        raise ValueError("a warping error needs a pair of frames with something visible in both")
    return float(np.average(values, weights=weights))


def slot_flicker(clip: np.ndarray, motion: Sequence[PairMotion], slots: int) -> float:
    """Autocorrelation, at a lag of one chunk, of what the source's motion does not explain.

    Noise that belongs to a slot of the chunk comes back every ``slots`` frames: 1 where the flicker is
    nothing else, about 0 for noise drawn anew for each frame.

    Args:
        clip: uint8 RGB (N, H, W, 3) with N > slots + 1.
        motion: N - 1 pairs of the source.
        slots: frames in a chunk, at least 2.

    Raises:
        ValueError: a clip that is too short.
    """
    pairs = zip(clip, clip[1:], motion, strict=False)
    left = np.stack([residual(grey(first), grey(second), pair.flow) for first, second, pair in pairs])
    before, after = left[:-slots], left[slots:]
    if slots < 2 or not len(before):
        raise ValueError(f"{len(clip)} frames are too few for a lag of {slots}")
    energy = np.sqrt(np.square(before, dtype=np.float64).sum() * np.square(after, dtype=np.float64).sum())
    return float(np.sum(before * after, dtype=np.float64) / energy) if energy else 0.0


def consecutive_l1(clip: np.ndarray) -> float:
    """Mean absolute difference of neighbouring frames, uint8 (N, H, W, 3), motion included."""
    return float(np.mean([reference_l1(a, b) for a, b in zip(clip, clip[1:], strict=False)]))


def consistency_ratio(clip: np.ndarray, motion: Sequence[PairMotion]) -> float:
    """The share of the frame-to-frame change that the source's motion does not explain."""
    return warping_error(clip, motion) / consecutive_l1(clip)


def reference_l1(clip: np.ndarray, reference: np.ndarray) -> float:
    """Mean absolute difference of two equal uint8 stacks."""
    return float(np.mean(np.abs(clip.astype(np.int16) - reference.astype(np.int16))))

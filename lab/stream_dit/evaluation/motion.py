"""Seams at chunk borders, how much moves, and the paper's Table 2 in our reading."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ....engine.families.stream_dit.model import StreamDiTModel
from ....engine.motion.flow import optical_flow
from ...metrics.perceptual import EfficientNetLite0
from ...metrics.smoothness import interpolation_error
from ...metrics.temporal import consecutive_l1, residual
from ...world.detector import CHROMA
from .films import Case, chunk_starts, film, real_film

FASTEST = 0.05  # share of the pixels whose motion decides whether a clip counts as moving
MOVING = 1.0 / 128.0  # picture sides a frame that they must move by, on average


def border_difference(clip: np.ndarray, border: int) -> float:
    """Mean absolute difference of the frames on both sides of a border, motion taken out.

    Args:
        clip: uint8 RGB (N, H, W, 3).
        border: index of the first frame after it, at least 1.
    """
    first, second = clip[border - 1], clip[border]
    return float(np.abs(residual(first, second, optical_flow(first, second, "dis_medium"))).mean())


def motion_amount(clip: np.ndarray) -> float:
    """Mean length of the flow between neighbours, in pixels: every fourth pair."""
    lengths = [
        np.linalg.norm(optical_flow(first, second), axis=-1).mean()
        for first, second in zip(clip[::4], clip[1::4], strict=False)
    ]
    return float(np.mean(lengths))


def seam_report(model: StreamDiTModel, cases: Sequence[Case], borders: int, side: int) -> dict:
    """``seam_ratio`` and ``dynamic_ratio`` over at least ``borders`` chunk borders, scenes in pairs."""
    each = -(-borders // len(cases))
    generated, real, moved, moves = [], [], [], []
    for index, case in enumerate(cases):
        frames = int(chunk_starts(model, 10**6)[each])
        pixels = film(model, case.sentence.text, frames, side, seed=1000 + index)
        world = real_film(model, case.scene, frames, side)
        for border in chunk_starts(model, frames):
            generated.append(border_difference(pixels, border))
            real.append(border_difference(world, border))
        moved.append(motion_amount(pixels))
        moves.append(motion_amount(world))
    return {
        "seam_ratio": float(np.mean(generated) / np.mean(real)),
        "seam_borders": len(generated),
        "dynamic_ratio": float(np.mean(moved) / np.mean(moves)),
    }


def table_2(clips: Sequence[np.ndarray]) -> dict[str, float]:
    """VBench's quality measures as far as we can compute them; 1 is best but for ``dynamic_degree``.

    Features are EfficientNet-Lite0's instead of DINO's and CLIP's, motion is DIS flow instead of
    RAFT's and AMT's: compare rows of this table with each other, not with the paper's.
    """
    trunk = EfficientNetLite0()
    rows = [_measures(clip, trunk) for clip in clips]
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


def _measures(clip: np.ndarray, trunk: EfficientNetLite0) -> dict[str, float]:
    deep = trunk.features(clip)[-1].numpy()
    objects = np.stack([_objects(frame, deep.shape[-2:]) for frame in clip])
    return {
        "subject_consistency": _consistency(deep, objects),
        "background_consistency": _consistency(deep, ~objects),
        "temporal_flickering": 1.0 - consecutive_l1(clip) / 255.0,
        "motion_smoothness": 1.0 - interpolation_error(clip) / 255.0,
        "dynamic_degree": float(_fastest(clip) > MOVING * clip.shape[2]),
    }


def _objects(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Where a feature map shows colourful objects, bool (h, w)."""
    chroma = frame.max(-1).astype(int) - frame.min(-1)
    return cv2.resize(np.float32(chroma >= CHROMA), size[::-1], interpolation=cv2.INTER_AREA) > 0.25


def _consistency(maps: np.ndarray, where: np.ndarray) -> float:
    """Mean cosine of each frame's pooled features with the first frame's and with the one before."""
    weights = where[:, None] + 1e-6
    pooled = (maps * weights).sum((2, 3)) / weights.sum((2, 3))
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    first, before = pooled[1:] @ pooled[0], (pooled[1:] * pooled[:-1]).sum(1)
    return float((first + before).mean() / 2.0)


def _fastest(clip: np.ndarray) -> float:
    """Mean flow length of the fastest pixels between neighbours, in pixels."""
    tops = []
    for first, second in zip(clip[::4], clip[1::4], strict=False):
        lengths = np.sort(np.linalg.norm(optical_flow(first, second), axis=-1), axis=None)
        tops.append(lengths[-max(1, int(FASTEST * lengths.size)) :].mean())
    return float(np.mean(tops))

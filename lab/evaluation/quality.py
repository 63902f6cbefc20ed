"""The measures of one clip, with the motion of its source found once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..metrics.sharpness import gradient_magnitude, high_frequency, sobel_mixed
from ..metrics.temporal import (
    PairMotion,
    clip_motion,
    consecutive_l1,
    reference_l1,
    slot_flicker,
    warping_error,
)

OTHER = "dis_medium"
"""The estimator whose ranking of configurations is compared with the paper's Farneback."""


@dataclass(frozen=True)
class SourceClip:
    """A source, and what its outputs are measured along.

    Attributes:
        pixels: uint8 RGB (N, H, W, 3).
    """

    pixels: np.ndarray

    @cached_property
    def motion(self) -> list[PairMotion]:
        """By Farneback, as the paper."""
        return clip_motion(self.pixels)

    @cached_property
    def other_motion(self) -> list[PairMotion]:
        return clip_motion(self.pixels, OTHER)

    @cached_property
    def _own(self) -> tuple[float, float]:
        return tuple(
            warping_error(self.pixels, motion, masked=True) for motion in (self.motion, self.other_motion)
        )

    def measure(self, output: np.ndarray, slots: int) -> dict[str, float]:
        """Every measure of an output that needs no network; the keys are those of docs/measures.md.

        Args:
            output: uint8 RGB, shaped like the source.
            slots: frames in a chunk, for ``slot_flicker``.
        """
        masked = warping_error(output, self.motion, masked=True)
        masked_other = warping_error(output, self.other_motion, masked=True)
        error, change = warping_error(output, self.motion), consecutive_l1(output)
        row = {
            "excess": masked - self._own[0],
            "excess_dis": masked_other - self._own[1],
            "warping_error": error,
            "warping_error_dis": warping_error(output, self.other_motion),
            "warping_error_masked": masked,
            "source_warping_error_masked": self._own[0],
            "consecutive_l1": change,
            "consistency_ratio": error / change if change else 0.0,
            "gradient": gradient_magnitude(output),
            "sobel": sobel_mixed(output),
            "high_frequency": high_frequency(output),
            "reference_l1": reference_l1(output, self.pixels),
        }
        if 1 < slots < len(output) - 1:
            row["slot_flicker"] = slot_flicker(output, self.motion, slots)
        return row


def rank_agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's tau-a of two measures of the same configurations: 1 where they rank them alike.

    Args:
        first, second: (n,) with n >= 2.
    """
    i, j = np.triu_indices(len(first), 1)
    same = np.sign(first[i] - first[j]) * np.sign(second[i] - second[j])
    return float(same.mean())

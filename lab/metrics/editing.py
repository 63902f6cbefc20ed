"""Six measures of an edited clip whose right result is known, 0..1, 1 for the right result itself.

The names are those of the StreamEdit-DiT preprint (202602.0223), which defines none of them; the
definitions are ours (docs/measures.md). Layout, steadiness, smoothness and most of a picture come free
where nothing or something else is done, so they count in the measure in which the edit was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import geometric_mean
from typing import NamedTuple

import numpy as np
import torch

from .change import explained_change, squared_error
from .order import frame_order
from .perceptual import EfficientNetLite0
from .sharpness import gradient_magnitude
from .smoothness import interpolation_error
from .structure import structure_agreement
from .temporal import PairMotion, clip_motion, warping_error

MEASURES = (
    "prompt_adherence",
    "identity_preservation",
    "temporal_coherence",
    "motion_smoothness",
    "edit_fidelity",
    "overall_quality",
)
LEAST = 1.0
"""Grey levels that a film's frames in random order are counted apart from the film, at least."""

Features = list[torch.Tensor]


class Look(NamedTuple):
    """Some frames of a clip, as the trunk sees them and as they are: features hardly know colours."""

    features: Features
    pixels: Features


@dataclass(frozen=True)
class EditJudge:
    """What outputs of one clip under one instruction are held against.

    Attributes:
        source: uint8 RGB (N, H, W, 3) with N >= 4.
        target: the right result, shaped like the source.
        others: results of other instructions, which the output must not be.
        trunk: the features that adherence and layout are judged on.
        every: one frame of this many is judged by features.
    """

    source: np.ndarray
    target: np.ndarray
    others: Sequence[np.ndarray]
    trunk: EfficientNetLite0
    every: int = 4

    def measure(self, output: np.ndarray) -> dict[str, float]:
        """All of ``MEASURES`` for uint8 RGB shaped like the source."""
        seen = self._look(output)
        made = frame_order(output, self.target) * min(self._way(seen, wrong) for wrong in self._wrong)
        layout = structure_agreement(seen.features[-1], self._right.features[-1]).mean().clamp(0.0, 1.0)
        steady = share_kept(warping_error(output, self.motion, masked=True), *self._steadiness)
        smooth = share_kept(interpolation_error(output), *self._smoothness)
        unchanged = squared_error(self.source, self.target)
        fidelity = max(0.0, explained_change(squared_error(output, self.target), 0.0, unchanged))
        scores = {
            "prompt_adherence": made,
            "identity_preservation": made * float(layout),
            "temporal_coherence": made * steady,
            "motion_smoothness": made * smooth,
            "edit_fidelity": made * fidelity,
        }
        return scores | {"overall_quality": overall(scores, self._sharpness(output))}

    @cached_property
    def motion(self) -> list[PairMotion]:
        """The source's, which the output should share."""
        return clip_motion(self.source, "dis_fast")

    @cached_property
    def _right(self) -> Look:
        return self._look(self.target)

    @cached_property
    def _wrong(self) -> list[Look]:
        return [self._look(clip) for clip in (self.source, *self.others)]

    @cached_property
    def _steadiness(self) -> tuple[float, float]:
        return tuple(
            warping_error(clip, self.motion, masked=True) for clip in (self.target, disordered(self.target))
        )

    @cached_property
    def _smoothness(self) -> tuple[float, float]:
        return tuple(interpolation_error(clip) for clip in (self.target, disordered(self.target)))

    @cached_property
    def _gradient(self) -> float:
        return gradient_magnitude(self.target)

    def _way(self, seen: Look, wrong: Look) -> float:
        """How far from a wrong result to the right one, in features or in pixels: the smaller."""
        return min(progress(*levels) for levels in zip(seen, self._right, wrong, strict=True))

    def _look(self, clip: np.ndarray) -> Look:
        pictures = np.ascontiguousarray(clip[:: self.every])
        return Look(self.trunk.features(pictures), [torch.from_numpy(pictures).movedim(-1, 1).float()])

    def _sharpness(self, output: np.ndarray) -> float:
        """1 where the output is as sharp as the right result; less where it is softer or harsher."""
        pair = sorted((gradient_magnitude(output), self._gradient))
        return pair[0] / pair[1] if pair[1] else 1.0


def progress(seen: Features, right: Features, wrong: Features) -> float:
    """How far features are on the way from a wrong result to the right one: 0 there, 1 here, 0 as far beyond.

    The levels are joined as ``perceptual.distance`` joins them. What lies across the way, an
    autoencoder's losses for instance, does not count.
    """
    made = asked = 0.0
    for s, r, w in zip(seen, right, wrong, strict=True):
        made = made + ((s - w) * (r - w)).sum(1).mean((1, 2))
        asked = asked + (r - w).square().sum(1).mean((1, 2))
    share = made / asked.clamp(min=1e-12)
    return float((1.0 - (1.0 - share).abs()).clamp(min=0.0).mean())


def disordered(clip: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same frames in random order."""
    return clip[np.random.default_rng(seed).permutation(len(clip))]


def share_kept(error: float, right: float, worst: float) -> float:
    """1 for an error no larger than that of the right result, 0 for that of its frames in random order."""
    return float(np.clip(1.0 - (error - right) / max(worst - right, LEAST), 0.0, 1.0))


def overall(scores: Mapping[str, float], sharpness: float) -> float:
    """The geometric mean of the measures and of the sharpness kept: nothing makes up for a missing part."""
    return geometric_mean([max(value, 1e-6) for value in (*scores.values(), sharpness)])

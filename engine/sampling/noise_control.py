"""How noisy a source is made before it is denoised again (SDEdit, arXiv 2108.01073), block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .flow_match import FlowMatchSchedule


@dataclass
class MotionNoiseController:
    """Less noise where the source moves fast, so that its structure survives.

    StreamDiffusionV2 (arXiv 2511.07399): ``d`` is the largest root mean square difference of two
    consecutive frames in -1..1, over ``norm`` and at most 1; the noise follows
    ``base - sensitivity * d`` slowly.

    Attributes:
        sensitivity: noise that the fastest motion takes away.
        norm: difference that counts as the fastest.
        rate: share of the new value in the running one.
    """

    sensitivity: float = 0.1
    norm: float = 0.2
    rate: float = 0.9
    _last: np.ndarray | None = None
    _motion: float = 0.0

    def look(self, pixels: np.ndarray) -> None:
        """Take in the next frames, uint8 RGB (N, H, W, 3)."""
        frames = pixels if self._last is None else np.concatenate([self._last[None], pixels])
        if len(frames) > 1:
            motion = min(1.0, largest_difference(frames) / self.norm)
            self._motion = self.rate * motion + (1.0 - self.rate) * self._motion
        self._last = pixels[-1].copy()

    @property
    def reduction(self) -> float:
        """Noise that these frames' motion takes away, 0 to ``sensitivity``."""
        return self.sensitivity * self._motion


def largest_difference(frames: np.ndarray) -> float:
    """Largest root mean square difference of two consecutive frames in -1..1; uint8 RGB (N, H, W, 3)."""
    small = frames[:, ::4, ::4].astype(np.float32) / 127.5
    differences = np.sqrt(np.square(np.diff(small, axis=0)).mean(axis=(1, 2, 3)))
    return float(differences.max(initial=0.0))


def start_at(
    schedule: FlowMatchSchedule, scale: float, offset: float, *, every: bool = False
) -> FlowMatchSchedule:
    """The steps for a start with this much noise.

    Args:
        schedule: of the model.
        scale: noise on the source, above 0.
        offset: what is subtracted from the noise level that the network gets for the start.
        every: keep all steps, those above the start at its level; else they are left out.
    """
    first = max(0.02, scale - offset)
    if every:
        return FlowMatchSchedule((first, *(min(sigma, first) for sigma in schedule.sigmas[1:])))
    return FlowMatchSchedule((first, *(sigma for sigma in schedule.sigmas[1:] if sigma < first)))

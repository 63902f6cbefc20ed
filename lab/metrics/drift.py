"""Whether a measure changes in the long run: means of windows, and the slope that fits them best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import theilslopes

SMALL = 0.05
"""A change over the whole run that still counts as none, as a share of the mean."""


@dataclass(frozen=True)
class Drift:
    """How a measure moves over a run.

    Attributes:
        windows: its mean in each window.
        change: Theil-Sen slope times the length of the run, in the measure's unit.
        low, high: the 95 % interval of ``change``, by the ranks of Sen (JASA 1968).
    """

    windows: tuple[float, ...]
    change: float
    low: float
    high: float

    @property
    def share(self) -> float:
        """``change`` over the mean of the windows."""
        mean = float(np.mean(self.windows))
        return self.change / mean if mean else 0.0

    @property
    def ok(self) -> bool:
        """At most 5 % of the mean over the run, and 0 inside the interval."""
        return abs(self.share) <= SMALL and self.low <= 0.0 <= self.high


def drift(values: np.ndarray, window: int = 64, weights: np.ndarray | None = None) -> Drift:
    """The drift of a per-frame measure; a rest shorter than a window is left out.

    Args:
        values: (n,) with at least two windows.
        window: frames in a window.
        weights: (n,), what each frame counts inside its window; equal without.

    Raises:
        ValueError: fewer than two windows.
    """
    count = len(values) // window
    if count < 2:
        raise ValueError(f"{len(values)} values hold no two windows of {window}")
    cut = slice(0, count * window)
    counted = np.ones(len(values)) if weights is None else weights
    means = np.average(
        values[cut].reshape(count, window), axis=1, weights=counted[cut].reshape(count, window)
    )
    slope = theilslopes(means, np.arange(count) * float(window), alpha=0.95)
    change, low, high = (float(value) * len(values) for value in (slope[0], slope[2], slope[3]))
    return Drift(tuple(map(float, means)), change, low, high)

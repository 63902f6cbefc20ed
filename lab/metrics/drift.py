"""Whether a measure changes in the long run: means of windows, and the slope that fits them best."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

SMALL = 0.05
"""A change over the whole run that still counts as none, as a share of the mean."""


@dataclass(frozen=True)
class Slope:
    """A Theil-Sen slope and its confidence interval, per unit of x."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Drift:
    """How a measure moves over a run.

    Attributes:
        windows: its mean in each window.
        change: Theil-Sen slope times the length of the run, in the measure's unit.
        low, high: the 95 % interval of ``change``.
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


def theil_sen(x: np.ndarray, y: np.ndarray, confidence: float = 0.95) -> Slope:
    """The median of all pairwise slopes, with the rank interval of Sen (JASA 1968), ties in y counted.

    Args:
        x: strictly rising, (n,) with n >= 2.
        y: (n,).
    """
    pairs = np.array(list(combinations(range(len(x)), 2)))
    first, second = pairs.T
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    n, ties = len(x), np.unique(y, return_counts=True)[1]
    variance = (n * (n - 1) * (2 * n + 5) - np.sum(ties * (ties - 1) * (2 * ties + 5))) / 18.0
    reach = NormalDist().inv_cdf(0.5 + confidence / 2.0) * np.sqrt(variance)
    last = len(slopes) - 1
    low = max(0, round((len(slopes) - reach) / 2.0) - 1)
    high = min(last, round((len(slopes) + reach) / 2.0))
    return Slope(float(np.median(slopes)), float(slopes[low]), float(slopes[high]))


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
    slope = theil_sen(np.arange(count) * float(window), means)
    length = float(len(values))
    return Drift(tuple(map(float, means)), slope.median * length, slope.low * length, slope.high * length)

"""The slope is found through outliers, its interval has the published ranks, and rests are left out."""

from __future__ import annotations

import numpy as np
import pytest

from livestyle.lab.metrics.drift import drift


def test_one_outlier_does_not_turn_the_slope() -> None:
    means = 2.0 * np.arange(7.0) + 1.0
    means[3] = 90.0
    found = drift(np.repeat(means, 4), window=4)
    assert found.change == pytest.approx(2.0 * 7)
    assert found.low <= 2.0 * 7 <= found.high


def test_the_interval_has_sens_ranks() -> None:
    """n = 5 without ties: 10 slopes, sigma = sqrt(5 * 4 * 15 / 18) = 4.08, ranks 1 and 9 of 0..9."""
    y = np.array([0.0, 1.0, 4.0, 9.0, 16.0])
    slopes = sorted((y[j] - y[i]) / (j - i) for i in range(5) for j in range(i + 1, 5))
    found = drift(np.repeat(y, 4), window=4)
    assert (found.low, found.high) == pytest.approx((slopes[0] * 5, slopes[9] * 5))


def test_a_steady_run_does_not_drift() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.05, 480)
    steady = drift(10.0 + noise)
    assert len(steady.windows) == 7
    assert steady.ok


def test_a_rising_run_drifts() -> None:
    """It rises by a fifth from frame 0 to frame 480."""
    rising = drift(np.linspace(10.0, 12.0, 480))
    assert rising.change == pytest.approx(2.0, rel=0.01)
    assert rising.low > 0.0
    assert not rising.ok


def test_a_tiny_but_certain_rise_is_no_steady_run() -> None:
    assert not drift(np.linspace(10.0, 10.01, 480)).ok


def test_weights_count_inside_a_window_and_a_rest_is_left_out() -> None:
    values = np.array([1.0, 3.0, 1.0, 3.0, 100.0])
    found = drift(values, 2, np.array([3.0, 1.0, 1.0, 3.0, 1.0]))
    assert found.windows == pytest.approx((1.5, 2.5))
    with pytest.raises(ValueError, match="no two windows of 4"):
        drift(values, 4)


def test_a_constant_run_has_no_drift_at_all() -> None:
    still = drift(np.full(256, 3.0))
    assert (still.change, still.low, still.high, still.ok) == (0.0, 0.0, 0.0, True)

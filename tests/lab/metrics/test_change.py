"""Explained change is 1 for the best, 0 for nothing; colour maps are found exactly."""

from __future__ import annotations

import numpy as np
import pytest

from livestyle.lab.metrics.change import (
    apply_colour_map,
    best_colour_map,
    explained_change,
    psnr,
    squared_error,
)

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(40, 200, (3, 16, 16, 3), dtype=np.uint8)


def test_explained_change_ends() -> None:
    assert explained_change(output=10.0, ceiling=10.0, unchanged=50.0) == 1.0
    assert explained_change(output=50.0, ceiling=10.0, unchanged=50.0) == 0.0
    assert explained_change(output=90.0, ceiling=10.0, unchanged=50.0) == -1.0


def test_squared_error_is_on_the_8_bit_scale() -> None:
    assert squared_error(PICTURES, PICTURES + 3) == pytest.approx(9.0)
    assert psnr(255.0**2) == pytest.approx(0.0)


def test_a_linear_style_is_wholly_a_colour_map() -> None:
    truth = np.array([[0.5, 0.2, 0.0, 10.0], [0.0, 0.7, 0.1, 5.0], [0.1, 0.1, 0.4, 30.0]])
    target = apply_colour_map(PICTURES, truth)
    found = best_colour_map(PICTURES, target)
    assert np.allclose(found[:, :3], truth[:, :3], atol=0.01)
    assert np.allclose(found[:, 3], truth[:, 3], atol=0.5)
    assert squared_error(apply_colour_map(PICTURES, found), target) < 0.5


def test_a_local_style_is_not() -> None:
    target = PICTURES[:, ::-1]
    mapped = apply_colour_map(PICTURES, best_colour_map(PICTURES, target))
    assert squared_error(mapped, target) > 0.5 * float(target.astype(float).var())

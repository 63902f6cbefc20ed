"""Batches drawn here and by workers are the same, from any step on."""

from __future__ import annotations

import numpy as np
import pytest

from livestyle.lab.training.drawing import Drawing


def draw(step: int) -> np.ndarray:
    return np.random.default_rng(step).normal(size=3)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_step_is_drawn_alike_with_and_without_workers(workers: int) -> None:
    drawing = Drawing(draw, 12, workers)
    for step in (4, 5, 6, 2, 3):  # resumed at 4, then again at 2
        assert np.array_equal(np.asarray(drawing(step)), draw(step))

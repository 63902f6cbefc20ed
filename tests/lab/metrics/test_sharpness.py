"""All three measures fall with blur; only the gradient sees straight edges."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sample_pictures import picture

from livestyle.lab.metrics.sharpness import gradient_magnitude, high_frequency, sobel_mixed

MEASURES = (gradient_magnitude, high_frequency, sobel_mixed)


@pytest.mark.parametrize("measure", MEASURES)
def test_blur_lowers_it(measure) -> None:
    sharp = picture(96)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2.0)
    assert measure(blurred[None]) < 0.7 * measure(sharp[None])
    assert measure(np.stack([sharp, blurred])) == pytest.approx(
        (measure(sharp[None]) + measure(blurred[None])) / 2
    )


def test_the_papers_sobel_misses_straight_edges() -> None:
    stripes = np.zeros((1, 32, 32, 3), np.uint8)
    stripes[:, :, 16:] = 200
    assert sobel_mixed(stripes) == 0.0
    assert gradient_magnitude(stripes) == pytest.approx(2 * 4 * 200 / 32)
    assert gradient_magnitude(stripes) == pytest.approx(gradient_magnitude(stripes.transpose(0, 2, 1, 3)))


def test_a_flat_picture_has_no_detail() -> None:
    flat = np.full((2, 32, 48, 3), 77, np.uint8)
    assert [measure(flat) for measure in MEASURES] == pytest.approx([0.0] * 3, abs=1e-9)

"""Crop, letterbox, stretch and turning: arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livestyle.engine.media.geometry import Orientation, display_size, fit

sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
aspects = st.sampled_from([Fraction(1), Fraction(16, 11), Fraction(3, 4), Fraction(2)])
orientations = st.builds(Orientation, st.booleans(), st.booleans(), st.booleans())


@settings(deadline=None)
@given(sizes, aspects, orientations, sizes, st.sampled_from(["crop", "letterbox", "stretch"]))
def test_every_fit_lies_inside(coded, aspect, orientation, output, resize) -> None:
    plan = fit(coded, aspect, orientation, output, resize)
    x, y, width, height = plan.crop
    assert x % 2 == 0 and y % 2 == 0
    assert 0 <= x and 1 <= width and x + width <= coded[0]
    assert 0 <= y and 1 <= height and y + height <= coded[1]
    shown = orientation.swap(*plan.scaled)
    assert all(place >= 0 and part >= 1 for place, part in zip(plan.place, shown, strict=True))
    assert all(p + s <= o for p, s, o in zip(plan.place, shown, output, strict=True))
    if resize == "letterbox":
        assert plan.crop == (0, 0, *coded)
        assert shown[0] == output[0] or shown[1] == output[1]
    else:
        assert shown == output
    if resize == "stretch":
        assert plan.crop == (0, 0, *coded)
    if resize == "crop":
        assert width == coded[0] or height == coded[1]


@settings(deadline=None)
@given(st.tuples(st.integers(64, 4000), st.integers(64, 4000)), aspects, orientations)
def test_the_own_display_size_needs_no_cut_and_no_bars(coded, aspect, orientation) -> None:
    seen = display_size(*coded, aspect, orientation)
    crop = fit(coded, aspect, orientation, seen, "crop").crop
    assert coded[0] - crop[2] <= 1 + coded[0] // 64 and coded[1] - crop[3] <= 1 + coded[1] // 64
    assert fit(coded, aspect, orientation, seen, "stretch").scaled == orientation.swap(*seen)


def test_quarter_turns_counterclockwise() -> None:
    picture = np.arange(15).reshape(3, 5, 1)
    for turns in range(-2, 4):
        turned = Orientation.from_rotation(90.0 * turns).apply(picture)
        assert (turned == np.rot90(picture, turns)).all()


def test_known_fits() -> None:
    upright = Orientation()
    wide = fit((1920, 1080), Fraction(1), upright, (256, 256), "crop")
    assert wide.crop == (420, 0, 1080, 1080)
    bars = fit((1920, 1080), Fraction(1), upright, (256, 256), "letterbox")
    assert bars.scaled == (256, 144) and bars.place == (0, 56)
    phone = fit((1920, 1080), Fraction(1), Orientation(transpose=True), (108, 192), "crop")
    assert phone.crop == (0, 0, 1920, 1080) and phone.scaled == (192, 108)
    assert display_size(720, 576, Fraction(16, 11), upright) == (1047, 576)
    assert display_size(720, 480, Fraction(8, 9), upright) == (720, 540)


@pytest.mark.parametrize("a,b,c,d", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0),
                                     (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)])  # fmt: skip
def test_an_orientation_moves_pixels_as_its_matrix_says(a: int, b: int, c: int, d: int) -> None:
    matrix = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    height, width = 3, 5
    source = np.arange(height * width).reshape(height, width, 1)
    points = [(a * x + c * y, b * x + d * y) for y in range(height) for x in range(width)]
    left, top = min(x for x, _ in points), min(y for _, y in points)
    turned = Orientation.from_display_matrix(matrix).apply(source)
    for value, (x, y) in enumerate(points):
        assert turned[y - top, x - left, 0] == value

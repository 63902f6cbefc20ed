"""Two pictures in one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livestyle.engine.media.mixing import Mix, MixMode, mixed

A, B, MASK = np.random.default_rng(7).integers(0, 256, (3, 48, 64, 3), np.uint8)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_crossfade_is_the_blend(share: float) -> None:
    wanted = A * (1 - share) + B * share
    assert np.abs(mixed(Mix(balance=share), A, B) - wanted).max() <= 0.5 + 1e-3
    if share in (0, 1):
        assert np.array_equal(mixed(Mix(balance=share), A, B), B if share else A)


@pytest.mark.parametrize(("x", "y", "left", "top"), [(0, 0, 0, 0), (1, 1, 48, 36), (0.5, 0, 24, 0)])
def test_an_inset_is_in_its_place_and_nowhere_else(x: float, y: float, left: int, top: int) -> None:
    picture = mixed(Mix("picture in picture", 1.0, x, y, 0.25), A, B)
    place = np.s_[top : top + 12, left : left + 16]
    assert np.array_equal(picture[place], cv2.resize(B, (16, 12), interpolation=cv2.INTER_AREA))
    picture[place] = A[place]
    assert np.array_equal(picture, A)


def test_an_inset_of_full_size_is_the_second_picture() -> None:
    assert np.array_equal(mixed(Mix("picture in picture", 1.0, 0.5, 0.5, 1.0), A, B), B)


@pytest.mark.parametrize("mask", [MASK, None])
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_a_mask_shows_the_second_picture_where_it_is_bright(mask: np.ndarray | None, share: float) -> None:
    bright = cv2.cvtColor(B if mask is None else mask, cv2.COLOR_RGB2GRAY)[..., None] / 255 * share
    assert np.abs(mixed(Mix("mask", share), A, B, mask) - (A * (1 - bright) + B * bright)).max() <= 1.01


def test_black_and_white_masks_take_one_picture() -> None:
    white = np.full_like(A, 255)
    assert np.array_equal(mixed(Mix("mask"), A, B, white), B)
    assert np.array_equal(mixed(Mix("mask"), A, B, 0 * white), A)


@pytest.mark.parametrize("mode", ["crossfade", "picture in picture", "mask"])
def test_at_balance_0_there_is_the_first_picture_alone(mode: MixMode) -> None:
    assert np.array_equal(mixed(Mix(mode, 0.0), A, B, MASK), A)

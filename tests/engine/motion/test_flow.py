"""Every estimator finds a known motion, and pictures follow it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from sample_pictures import picture

from livestyle.engine.motion.flow import ESTIMATORS, optical_flow
from livestyle.engine.motion.occlusion import visible
from livestyle.engine.motion.warp import carry, carry_latents, sample

SIDE, SHIFT = 128, (4, -2)
INNER = (slice(24, -24), slice(24, -24))


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A textured picture, and the same moved by SHIFT."""
    big = cv2.GaussianBlur(np.random.default_rng(0).normal(128, 90, (SIDE + 32, SIDE + 32, 3)), (0, 0), 3)
    big = np.uint8(np.clip((big - 128) * 4 + 128, 0, 255))
    x, y = SHIFT
    first, second = big[16:-16, 16:-16], big[16 - y : SIDE + 16 - y, 16 - x : SIDE + 16 - x]
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_known_motion_is_found(pair, estimator: str, scale: float) -> None:
    flow = optical_flow(*pair, estimator, scale)
    assert flow.shape == (SIDE, SIDE, 2)
    assert flow.dtype == np.float32
    assert np.abs(flow[INNER] - SHIFT).mean() < 0.5


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_pictures_that_are_small_or_not_square(estimator: str) -> None:
    for size in ((8, 8), (24, 64)):
        still = np.ascontiguousarray(picture(64)[: size[0], : size[1]])
        flow = optical_flow(still, still, estimator, 0.25)
        assert flow.shape == (*size, 2)
        assert np.abs(flow).mean() < 0.5  # DIS is not exact about stillness


def test_threads_do_not_disturb_each_other(pair) -> None:
    alone = optical_flow(*pair)
    back = optical_flow(*pair[::-1])
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(optical_flow, *(pair[::-1] if i % 2 else pair)) for i in range(16)]
        for i, job in enumerate(jobs):
            assert np.array_equal(job.result(), back if i % 2 else alone)


def test_sample_brings_back_and_carry_moves_on(pair) -> None:
    first, second = pair
    flow = np.full((SIDE, SIDE, 2), SHIFT, np.float32)
    assert np.array_equal(sample(second, flow)[INNER], first[INNER])
    assert np.array_equal(carry(first, flow)[INNER], second[INNER])
    assert carry(first, flow).dtype == np.uint8


def test_without_motion_nothing_moves() -> None:
    still = np.zeros((16, 24, 2), np.float32)
    colours = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    assert np.array_equal(sample(colours, still), colours)
    latents = torch.randn(2, 4, 2, 3)
    torch.testing.assert_close(carry_latents(latents, still), latents)


def test_latents_move_by_whole_cells() -> None:
    latents = torch.randn(2, 4, 8, 12)
    flow = np.full((64, 96, 2), (8.0, 16.0), np.float32)
    torch.testing.assert_close(carry_latents(latents, flow)[:, :, 2:, 1:], latents[:, :, :-2, :-1])


def test_what_is_covered_or_leaves_is_not_visible() -> None:
    forward = np.zeros((32, 32, 2), np.float32)
    backward = forward.copy()
    assert visible(forward, backward).all()
    forward[:, 24:] = (12.0, 0.0)  # leaves to the right
    forward[8:16, 4:8] = (6.0, 0.0)  # covered there by something that did not move
    seen = visible(forward, backward)
    assert not seen[:, 24:].any()
    assert not seen[8:16, 4:8].any()
    assert seen[:8, :24].all()
    backward[8:16, 10:14] = (-6.0, 0.0)  # now the way leads back
    assert visible(forward, backward)[8:16, 4:8].all()

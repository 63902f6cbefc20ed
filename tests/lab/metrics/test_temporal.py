"""A clip that follows its motion is steady, flicker is not, and covered pixels can be left out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from livestyle.lab.metrics.temporal import (
    PairMotion,
    clip_motion,
    consecutive_l1,
    consistency_ratio,
    pair_errors,
    reference_l1,
    slot_flicker,
    warping_error,
)

RNG = np.random.default_rng(0)
WIDE = RNG.integers(0, 200, (32, 64, 3), dtype=np.uint8)
MOVING = np.stack([WIDE[:, 8 - t : 40 - t] for t in range(4)])  # one pixel to the right a frame
ALL = np.ones((32, 32), bool)
MOTION = [PairMotion(np.full((32, 32, 2), (1.0, 0.0), np.float32), ALL)] * 3


def test_the_motion_explains_a_moving_clip() -> None:
    inner = ALL.copy()
    inner[:, -1] = False  # leaves the picture
    masked = [PairMotion(pair.flow, inner) for pair in MOTION]
    assert warping_error(MOVING, masked, masked=True) == pytest.approx(0.0, abs=1e-4)
    assert 0.0 < warping_error(MOVING, masked) < 0.1 * consecutive_l1(MOVING)
    assert consistency_ratio(MOVING, MOTION) == pytest.approx(
        warping_error(MOVING, MOTION) / consecutive_l1(MOVING)
    )


def test_flicker_is_measured_on_the_8_bit_scale() -> None:
    still = [PairMotion(np.zeros((32, 32, 2), np.float32), ALL)] * 3
    flicker = np.stack([np.full((32, 32, 3), 100 + 7 * (t % 2), np.uint8) for t in range(4)])
    assert warping_error(flicker, still) == pytest.approx(7.0)
    assert consecutive_l1(flicker) == pytest.approx(7.0)
    assert reference_l1(flicker, flicker[::-1]) == pytest.approx(7.0)
    assert reference_l1(MOVING, MOVING) == 0.0


def test_only_visible_pixels_count_when_masked() -> None:
    clip = np.zeros((2, 32, 32, 3), np.uint8)
    clip[1, :, 16:] = 80
    half = ALL.copy()
    half[:, 16:] = False
    motion = [PairMotion(np.zeros((32, 32, 2), np.float32), half)]
    assert warping_error(clip, motion) == pytest.approx(40.0)
    assert warping_error(clip, motion, masked=True) == 0.0
    with pytest.raises(ValueError, match="something visible"):
        warping_error(clip, [PairMotion(motion[0].flow, ~ALL)], masked=True)
    with pytest.raises(ValueError, match="needs a pair"):
        warping_error(clip[:1], [])


def test_the_error_is_the_mean_of_its_pairs() -> None:
    half = ALL.copy()
    half[:, 8:] = False
    motion = [MOTION[0], PairMotion(MOTION[1].flow, half), MOTION[2]]
    noisy = np.uint8(np.clip(MOVING + RNG.normal(0, 9, MOVING.shape), 0, 255))
    errors = pair_errors(noisy, motion)
    assert errors.share == pytest.approx([1.0, 0.25, 1.0])
    assert warping_error(noisy, motion) == pytest.approx(errors.everywhere.mean())
    pooled = (errors.visible * errors.share).sum() / 2.25
    assert warping_error(noisy, motion, masked=True) == pytest.approx(pooled)


def test_noise_that_belongs_to_a_slot_is_found() -> None:
    still = [PairMotion(np.zeros((32, 32, 2), np.float32), ALL)] * 31
    noise = RNG.normal(128, 12, (32, 32, 32, 3))
    slots = np.uint8(noise[np.arange(32) % 4])
    assert slot_flicker(slots, still, 4) == pytest.approx(1.0)
    assert abs(slot_flicker(slots, still, 5)) > 0.3  # neighbours of the lag: differences of the same noise
    assert slot_flicker(np.uint8(noise), still, 4) == pytest.approx(0.0, abs=0.05)
    assert slot_flicker(np.full((8, 32, 32, 3), 9, np.uint8), still, 4) == 0.0
    with pytest.raises(ValueError, match="too few for a lag of 4"):
        slot_flicker(slots[:5], still, 4)


@pytest.mark.parametrize("estimator", ["farneback", "dis_fast", "dis_medium"])
def test_motion_of_a_clip_with_a_covered_part(estimator: str) -> None:
    """A square moves 8 pixels over a textured ground: what it covers is found."""
    rng = np.random.default_rng(0)
    ground, square = texture(128, rng), texture(48, rng)
    clip = np.stack([ground, ground])
    for frame, left in zip(clip, (20, 28), strict=True):
        frame[40:88, left : left + 48] = square
    (pair,) = clip_motion(clip, estimator)
    assert pair.visible[:, 96:].mean() > 0.95
    assert pair.visible[44:84, 69:75].mean() < 0.6
    assert warping_error(clip, [pair], masked=True) < 0.8 * warping_error(clip, [pair])


def texture(side: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 RGB (side, side, 3), smooth enough to follow."""
    rough = cv2.GaussianBlur(rng.normal(0.0, 1.0, (side, side, 3)), (0, 0), 2)
    return np.uint8(np.clip(rough / rough.std() * 50 + 128, 0, 255))

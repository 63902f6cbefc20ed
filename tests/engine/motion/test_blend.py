"""Post-hoc blending along the motion."""

from __future__ import annotations

import numpy as np
import pytest
from sample_pictures import picture

from livestyle.engine.motion.blend import FlowBlender
from livestyle.engine.motion.flow import FlowSettings

FLOW = FlowSettings("dis_fast", 1.0)


def pan(count: int, side: int = 64) -> np.ndarray:
    wide = picture(side + 2 * count)
    return np.stack([wide[:side, 2 * i : 2 * i + side] for i in range(count)])


def noisy(clip: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 25, clip.shape)
    return np.uint8(np.clip(clip + noise, 0, 255))


def test_noise_goes_and_the_motion_stays() -> None:
    clip = pan(10)
    result = FlowBlender(FLOW).blend(noisy(clip), clip, 0.8)
    inner = (slice(6, None), slice(12, -12), slice(12, -12))
    before, after = (
        np.abs(pictures[inner].astype(int) - clip[inner]).mean() for pictures in (noisy(clip), result)
    )
    assert after < 0.6 * before


@pytest.mark.parametrize("occlusion", [True, False])
def test_any_chunking_gives_the_same_result(occlusion: bool) -> None:
    clip = pan(9)
    pictures = noisy(clip)

    def run(size: int) -> np.ndarray:
        blender = FlowBlender(FLOW, occlusion)
        parts = [
            blender.blend(pictures[at : at + size], clip[at : at + size], 0.6) for at in range(0, 9, size)
        ]
        return np.concatenate(parts)

    whole = run(9)
    assert np.array_equal(whole[0], pictures[0])
    for size in (1, 2, 4):
        assert np.array_equal(run(size), whole)


def test_share_0_is_the_identity() -> None:
    clip = pan(4)
    assert np.array_equal(FlowBlender(FLOW).blend(noisy(clip), clip, 0.0), noisy(clip))


def test_nothing_is_carried_over_a_cut() -> None:
    clip = np.concatenate([pan(4), 255 - pan(4)])
    result = FlowBlender(FLOW, occlusion=False).blend(clip, clip, 0.9)
    assert np.array_equal(result[4], clip[4])


def test_what_was_hidden_is_not_blended() -> None:
    """A square uncovers the background that it moved away from."""
    clip = np.stack([picture(96)] * 2)
    for index, left in enumerate((24, 36)):
        clip[index, 32:64, left : left + 32] = 255 - picture(32)
    marked = clip.copy()
    marked[0, 32:64, 24:56] = (255, 0, 0)
    with_mask, without = (
        FlowBlender(FLOW, occlusion).blend(marked, clip, 0.9)[1] for occlusion in (True, False)
    )
    uncovered = (slice(36, 60), slice(26, 33))
    away = [
        np.abs(result[uncovered].astype(int) - clip[1][uncovered]).mean() for result in (with_mask, without)
    ]
    assert away[0] < 0.5 * away[1]

"""Noise that follows the picture is white noise all the same."""

from __future__ import annotations

import numpy as np
import torch

from livestyle.engine.motion.flow import FlowSettings
from livestyle.engine.motion.noise import CarriedNoise, StreamNoise
from livestyle.engine.sampling.noise import frame_noise

SHAPE = (4, 16, 24)
PIXELS = (128, 192)


def constant(x: float, y: float = 0.0) -> np.ndarray:
    return np.full((*PIXELS, 2), (x, y), np.float32)


def test_whole_cells_move_and_the_edge_is_new() -> None:
    noise = CarriedNoise(SHAPE, 1)
    first = noise.start(0)
    second = noise.carry(constant(8.0, 16.0), 1)
    assert torch.equal(second[:, 2:, 1:], first[:, :-2, :-1])
    assert not torch.isin(second[:, :2], first).any()


def test_fractions_of_a_cell_add_up() -> None:
    noise = CarriedNoise(SHAPE, 1)
    first = noise.start(0)
    frames = [noise.carry(constant(2.5), index) for index in range(1, 14)]
    assert torch.equal(frames[0], first)
    assert torch.equal(frames[-1][:, :, 4:], first[:, :, :-4])  # 32.5 pixels are four cells


def test_it_stays_standard_normal_and_white() -> None:
    rng = np.random.default_rng(0)
    noise = CarriedNoise((64, 32, 32), 3)
    noise.start(0)
    for index in range(1, 30):
        values = noise.carry(rng.normal(0, 12, (256, 256, 2)).astype(np.float32), index)
    assert abs(float(values.mean())) < 0.015
    assert abs(float(values.std()) - 1.0) < 0.015
    neighbours = float((values[:, :, 1:] * values[:, :, :-1]).mean())
    assert abs(neighbours) < 0.015
    assert len(values[0].unique()) == values[0].numel()  # nothing was copied twice


def test_any_chunking_gives_the_same_noise() -> None:
    clip = np.random.default_rng(1).integers(0, 255, (12, *PIXELS, 3), dtype=np.uint8)

    def whole(size: int) -> torch.Tensor:
        noise = StreamNoise("flow_warped", SHAPE, torch.float32, FlowSettings())
        parts = []
        for at in range(0, 12, size):
            part = clip[at : at + size]
            motion = noise.look(clip[at - 1] if at else None, part)
            cuts = (7 - at,) if 0 <= 7 - at < size else ()
            parts.append(noise.draw(seed=4, first_frame=at, count=size, motion=motion, cuts=cuts))
        return torch.cat(parts)

    assert torch.equal(whole(4), whole(12))
    assert torch.equal(whole(4), whole(1))


def test_a_cut_and_a_new_seed_start_anew() -> None:
    noise = StreamNoise("flow_warped", SHAPE, torch.float32, FlowSettings())
    still = noise.draw(seed=1, first_frame=0, count=3)
    assert torch.equal(still[0], still[2])
    assert torch.equal(noise.draw(seed=1, first_frame=3, count=1)[0], still[0])
    cut = noise.draw(seed=1, first_frame=4, count=2, cuts=(1,))
    assert torch.equal(cut[0], still[0])
    assert not torch.isin(cut[1], still[0]).any()
    assert not torch.isin(noise.draw(seed=2, first_frame=6, count=1), cut[1]).any()


def test_per_slot_is_the_reference_and_repeats_with_the_chunk() -> None:
    noise = StreamNoise("per_slot", SHAPE, torch.bfloat16, FlowSettings())
    first, second = (noise.draw(seed=42, first_frame=at, count=4) for at in (0, 4))
    expected = torch.randn((4, *SHAPE), generator=torch.Generator().manual_seed(42), dtype=torch.bfloat16)
    assert torch.equal(first, expected)
    assert torch.equal(second, expected)
    assert len({frame.sum().item() for frame in first}) == 4


def test_other_policies_are_keyed_by_frame() -> None:
    noise = StreamNoise("fresh", SHAPE, torch.float32, FlowSettings())
    keyed = {"seed": 2, "first_frame": 3, "count": 2}
    assert torch.equal(noise.draw(**keyed), frame_noise(SHAPE, policy="fresh", dtype=torch.float32, **keyed))

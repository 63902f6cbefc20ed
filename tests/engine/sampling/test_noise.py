"""Noise belongs to a frame, not to a chunk."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.sampling.noise import frame_noise

SHAPE = (2, 3, 3)


def draw(first: int, count: int, policy: str = "fresh", seed: int = 5) -> torch.Tensor:
    return frame_noise(SHAPE, seed=seed, first_frame=first, count=count, policy=policy, dtype=torch.float32)


@given(cut=st.integers(1, 9), first=st.integers(0, 10_000))
def test_any_chunking_gives_the_same_noise(cut: int, first: int) -> None:
    whole = draw(first, 10)
    assert torch.equal(torch.cat([draw(first, cut), draw(first + cut, 10 - cut)]), whole)


def test_fresh_noise_differs_between_frames_and_seeds() -> None:
    noise = draw(0, 3)
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(draw(0, 1), draw(0, 1, seed=6))


def test_shared_noise_is_one_for_all_frames_but_follows_the_seed() -> None:
    noise = draw(7, 4, "shared")
    assert all(torch.equal(noise[0], frame) for frame in noise)
    assert torch.equal(noise[0], draw(100, 1, "shared")[0])
    assert not torch.equal(noise[0], draw(7, 1, "shared", seed=6)[0])


def test_noise_is_standard_normal() -> None:
    noise = frame_noise((16, 32, 32), seed=1, first_frame=0, count=8, policy="fresh", dtype=torch.float32)
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.std()) - 1.0) < 0.01

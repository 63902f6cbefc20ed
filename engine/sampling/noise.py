"""Noise keyed by frame index: same seed and clip, any chunk size, same picture."""

from __future__ import annotations

import hashlib

import torch

POLICIES = ("shared", "fresh", "per_slot", "flow_warped")
"""``flow_warped`` needs the frames' motion and is drawn by ``motion.noise.CarriedNoise``."""


def frame_noise(
    shape: tuple[int, ...], *, seed: int, first_frame: int, count: int, policy: str, dtype: torch.dtype
) -> torch.Tensor:
    """Gaussian noise for consecutive frames, made on the CPU so that every device gets the same.

    Args:
        shape: one frame's latent shape (C, h, w).
        seed: any integer.
        first_frame: index of the first frame in the stream.
        count: number of frames.
        policy: ``"shared"`` gives every frame the same noise (steadiest), ``"fresh"`` each its own.
            ``"per_slot"`` is the reference's ``fixed_noise``: one for each place in the chunk, drawn at
            once in ``dtype``, which repeats every ``count`` frames.

    Returns:
        (count, C, h, w).
    """
    if policy == "shared":
        one = draw(shape, seed, -1)
        return one.to(dtype).expand(count, *shape)
    if policy == "per_slot":
        return torch.randn((count, *shape), generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return torch.stack([draw(shape, seed, first_frame + offset) for offset in range(count)]).to(dtype)


def draw(shape: tuple[int, ...], seed: int, frame: int) -> torch.Tensor:
    """One frame's Gaussian noise, float32 (C, h, w); its key is the seed with the frame's index."""
    digest = hashlib.blake2b(f"{seed}/{frame}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
    return torch.randn(shape, generator=generator)


def keyed_noise(shape: tuple[int, ...], seed: int, first: int, count: int, again: int) -> torch.Tensor:
    """Noise for a moving buffer, float32 (count, C, h, w): a frame's first under its index.

    Later draws (``again`` > 0) stand under negative keys, so that no two are the same.
    """
    numbers = range(first, first + count)
    keys = numbers if not again else (-1 - (again * 2**32 + number) for number in numbers)
    return torch.stack([draw(shape, seed, key) for key in keys])

"""Rotary positions along time, height and width; attention then sees relative positions only."""

from __future__ import annotations

import torch


def rotary_angles(
    grid: tuple[int, int, int], head_width: int, theta: float, device: torch.device
) -> torch.Tensor:
    """Angles of every token, float32 (frames * rows * columns, head_width / 2).

    A third of the pairs (rounded down) each for height and width, the rest for time.
    """
    pairs = head_width // 2
    spatial = pairs // 3
    shares = (pairs - 2 * spatial, spatial, spatial)
    axes = []
    for size, share in zip(grid, shares, strict=True):
        rates = theta ** (-torch.arange(share, device=device, dtype=torch.float32) / max(share, 1))
        axes.append(torch.arange(size, device=device, dtype=torch.float32)[:, None] * rates)
    time, height, width = axes
    full = (*grid, -1)
    parts = (
        time[:, None, None].expand(full),
        height[None, :, None].expand(full),
        width[None, None].expand(full),
    )
    return torch.cat(parts, -1).flatten(0, 2)


def rotate(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn neighbouring pairs of x (..., L, d) by angles that broadcast to (..., L, d / 2)."""
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)

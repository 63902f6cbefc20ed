"""How far pictures are from others in style: which features occur together, wherever they are."""

from __future__ import annotations

import torch


def gram(maps: torch.Tensor) -> torch.Tensor:
    """Co-occurrence of channels over the positions of unit-length features: (N, C, h, w) to (N, C, C)."""
    flat = maps.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]


def style_distance(first: list[torch.Tensor], second: list[torch.Tensor]) -> torch.Tensor:
    """Squared distance of Gram matrices (Gatys, Ecker and Bethge, CVPR 2016), summed over the levels.

    Args:
        first, second: levels (N, C, h, w) of ``perceptual.EfficientNetLite0.features``; the
            pictures of the two need not have the same layout.

    Returns:
        (N,), 0 for equal statistics.
    """
    return sum((gram(a) - gram(b)).square().sum((1, 2)) for a, b in zip(first, second, strict=True))

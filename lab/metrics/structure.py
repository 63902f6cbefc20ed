"""How far two pictures are laid out alike, whatever they are painted with."""

from __future__ import annotations

import torch


def self_similarity(maps: torch.Tensor) -> torch.Tensor:
    """Cosine of every position with every other: unit features (N, C, h, w) to (N, h*w, h*w).

    What colour and brush do to all positions alike drops out (Tumanyan et al., CVPR 2022).
    """
    flat = maps.flatten(2)
    return flat.transpose(1, 2) @ flat


def structure_agreement(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Correlation of two pictures' self-similarities, (N,): 1 for the same layout, about 0 for any other.

    Args:
        first, second: one level (N, C, h, w) of ``perceptual.EfficientNetLite0.features``.
    """
    pair = [self_similarity(maps) for maps in (first, second)]
    a, b = (matrix - matrix.mean((1, 2), keepdim=True) for matrix in pair)
    length = (a.square().sum((1, 2)) * b.square().sum((1, 2))).sqrt()
    return (a * b).sum((1, 2)) / length.clamp(min=1e-12)

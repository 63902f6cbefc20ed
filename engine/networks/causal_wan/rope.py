"""Rotary position embedding over time, height and width (RoFormer, arXiv 2104.09864; split as in Wan 2.1).

There is no table of fixed length: angles are computed from the integers that are asked for, in
float64, so no stream is too long for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

THETA = 10000.0
THETA_KIND = 256.0


class Rotation(NamedTuple):
    """Cosine and sine of every token's angles.

    Attributes:
        cos, sin: float32 (tokens, head width / 2).
    """

    cos: torch.Tensor
    sin: torch.Tensor

    def joined(self, more: Rotation) -> Rotation:
        """These tokens and more."""
        return Rotation(torch.cat([self.cos, more.cos]), torch.cat([self.sin, more.sin]))


def split_axes(head_width: int) -> tuple[int, int, int]:
    """How many complex pairs of a head encode time, height and width (128 gives 22, 21, 21)."""
    pairs = head_width // 2
    spatial = pairs // 3
    return pairs - 2 * spatial, spatial, spatial


def rotation(
    positions: Sequence[int],
    height: int,
    width: int,
    head_width: int,
    device: torch.device | str = "cpu",
    kind: int = 0,
) -> Rotation:
    """The rotation of all tokens of some frames, ordered frame by frame, row by row.

    Args:
        positions: temporal position of each frame, any integers.
        height, width: tokens of a frame along each axis.
        head_width: width of an attention head, even.
        kind: turns tokens of another kind (1: a source's) apart from those at the same place.
    """
    axes = []
    coordinates = (positions, range(height), range(width))
    for count, values in zip(split_axes(head_width), coordinates, strict=True):
        frequencies = THETA ** (-torch.arange(count, dtype=torch.float64) / count)
        axes.append(torch.outer(torch.tensor(list(values), dtype=torch.float64), frequencies))
    time, rows, columns = axes
    shape = (len(time), height, width, -1)
    angles = torch.cat(
        [
            time[:, None, None].expand(shape),
            rows[None, :, None].expand(shape),
            columns[None, None].expand(shape),
        ],
        dim=3,
    ).flatten(0, 2)
    if kind:
        pairs = head_width // 2
        angles = angles + kind * THETA_KIND ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
    return Rotation(angles.cos().float().to(device), angles.sin().float().to(device))


def rotate(x: torch.Tensor, by: Rotation) -> torch.Tensor:
    """Turn the complex numbers that adjacent pairs of ``x`` (B, tokens, heads, head width) are."""
    real, imaginary = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = by.cos[:, None], by.sin[:, None]
    turned = torch.stack([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1)
    return turned.flatten(-2).to(x.dtype)

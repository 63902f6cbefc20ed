"""Rotary position embedding over time, height and width (RoFormer, arXiv 2104.09864, section 3.2).

Channels 2i and 2i + 1 of a head are one complex number; a token at position p turns it by the angle
p * theta ** (-i / pairs), so that a dot product of two tokens depends on their distance only. Each
axis has pairs of its own. Angles are computed from the positions, not read from a table, so there is
no longest stream.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import repeat

from ..transfers import upload


class Rotation(NamedTuple):
    """Cosine and sine of tokens' angles.

    Attributes:
        cos, sin: float32, (..., head width / 2).
    """

    cos: torch.Tensor
    sin: torch.Tensor

    @classmethod
    def of(cls, angles: torch.Tensor) -> Rotation:
        """From angles in radians, of any float dtype; float32."""
        return cls(angles.cos().float(), angles.sin().float())

    def on(self, device: torch.device) -> Rotation:
        """On another device."""
        return Rotation(upload(self.cos, device), upload(self.sin, device))

    def at(self, tokens: torch.Tensor) -> Rotation:
        """Of some tokens, by their indices (n,); tokens are the first axis."""
        return Rotation(self.cos[tokens], self.sin[tokens])

    def joined(self, more: Rotation) -> Rotation:
        """These tokens, then others; tokens are the first axis."""
        return Rotation(torch.cat([self.cos, more.cos]), torch.cat([self.sin, more.sin]))


def split_axes(head_width: int) -> tuple[int, int, int]:
    """How many pairs of a head encode time, height and width; 128 channels give 22, 21 and 21."""
    pairs = head_width // 2
    spatial = pairs // 3
    return pairs - 2 * spatial, spatial, spatial


def axis_angles(positions: torch.Tensor, pairs: int, theta: float) -> torch.Tensor:
    """Angles along one axis, (n, pairs), for positions (n,); computed in the dtype of the positions."""
    steps = torch.arange(pairs, dtype=positions.dtype, device=positions.device)
    return positions[:, None] * theta ** (-steps / pairs)


def grid_angles(
    time: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, head_width: int, theta: float
) -> torch.Tensor:
    """Angles of all tokens of a grid, frame by frame and row by row.

    Args:
        time, rows, columns: positions along each axis, (f,), (h,) and (w,), of one float dtype.
        head_width: channels of an attention head, even.

    Returns:
        (f * h * w, head_width / 2), in the dtype of the positions.
    """
    axes = zip((time, rows, columns), split_axes(head_width), strict=True)
    t, y, x = (axis_angles(positions, pairs, theta) for positions, pairs in axes)
    return over_grid(t, y, x)


def over_grid(t: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Values along time (f, p), height (h, q), width (w, r) to all tokens, (f * h * w, p + q + r)."""
    f, h, w = len(t), len(y), len(x)
    parts = (
        repeat(t, "f d -> (f h w) d", h=h, w=w),
        repeat(y, "h d -> (f h w) d", f=f, w=w),
        repeat(x, "w d -> (f h w) d", f=f, h=h),
    )
    return torch.cat(parts, dim=-1)


def grid_rotation(
    grid: tuple[int, int, int], head_width: int, theta: float, device: torch.device
) -> Rotation:
    """The rotation of a grid of (frames, rows, columns) that are counted from 0."""
    time, rows, columns = (torch.arange(size, device=device, dtype=torch.float32) for size in grid)
    return Rotation.of(grid_angles(time, rows, columns, head_width, theta))


def rotate(x: torch.Tensor, by: Rotation) -> torch.Tensor:
    """Turn the pairs of x (..., head width) by a rotation that broadcasts to (..., head width / 2).

    As complex numbers that is one product, which reads and writes every value once. Compilers, which fuse the
    four real products, and Apple's GPUs know no complex numbers; the values are the same.
    """
    pairs = x.float().unflatten(-1, (-1, 2))
    if not torch.compiler.is_compiling() and x.device.type in ("cpu", "cuda"):
        turned = torch.view_as_complex(pairs) * torch.complex(by.cos, by.sin)
        return torch.view_as_real(turned).flatten(-2).to(x.dtype)
    real, imaginary = pairs.unbind(-1)
    products = (real * by.cos - imaginary * by.sin, real * by.sin + imaginary * by.cos)
    return torch.stack(products, dim=-1).flatten(-2).to(x.dtype)

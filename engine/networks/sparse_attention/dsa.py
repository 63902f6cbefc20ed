"""Dynamic Sparse Attention, DSA: how blocks are selected, the mask, and the dense reference.

StreamEdit-DiT (preprint 202602.0223, Eq. 3) writes softmax(M * QK / sqrt(d)) V with a content-dependent M.
A factor of 0 there would give a masked key the weight exp(0), so M is read as what it must mean: blocks
that are not selected have no weight. The paper does not say how blocks are selected. Here attention between
block means is computed first; a query block takes the key blocks with the largest shares of its softmax
until they hold ``mass`` of it. ``attend_dense`` is the equation; ``backends`` computes the same and skips
blocks.

Shapes: queries, keys and values are (B, H, n, l, d), n blocks of l tokens, d channels of a head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange, repeat

from ..fused_attention import attention
from ..windows import WindowLayout


@dataclass(frozen=True)
class SparseSettings:
    """How many blocks are selected, and how often.

    Attributes:
        block: tokens along time, height and width of a block.
        mass: share of a query block's attention, judged by block means, that its selection must hold.
        floor, ceiling: least and most blocks that may be selected, as shares of all blocks.
        neighbours: frames before and after its own whose block at the same place is always kept.
        refresh: evaluations that a selection serves before it is made anew.
    """

    block: tuple[int, int, int] = (1, 8, 8)
    mass: float = 0.9
    floor: float = 0.125
    ceiling: float = 0.25
    neighbours: int = 1
    refresh: int = 2


@dataclass(frozen=True)
class Blocks:
    """The n blocks of a buffer.

    Attributes:
        layout: the order of tokens in which each block is contiguous; one window of it is a block.
        real: bool (n, l), False at padding; None where nothing is padded.
        kept: bool (n, n), the pairs of blocks that are always selected.
    """

    layout: WindowLayout
    real: torch.Tensor | None
    kept: torch.Tensor

    @property
    def count(self) -> int:
        return self.layout.windows


@dataclass(frozen=True)
class Selection:
    """Selected key blocks of each query block.

    Attributes:
        order: int64 (B, H, n, n), key blocks of each query block by falling score.
        counts: int64 (B, H, n), how many of them, the first ones, are selected.
    """

    order: torch.Tensor
    counts: torch.Tensor

    @property
    def density(self) -> float:
        """Selected share of all pairs of blocks."""
        return float(self.counts.float().mean() / self.order.shape[-1])

    def as_mask(self) -> torch.Tensor:
        """M of Eq. 3: bool (B, H, n, n), True where a query block (row) attends to a key block (column)."""
        chosen = torch.arange(self.order.shape[-1], device=self.order.device) < self.counts[..., None]
        return torch.zeros_like(chosen).scatter_(-1, self.order, chosen)


def lay_blocks(
    layout: WindowLayout,
    grid: tuple[int, int, int],
    settings: SparseSettings,
    references: int,
) -> Blocks:
    """Describe the blocks of a token grid.

    Args:
        layout: windows of ``settings.block`` over the grid, not shifted.
        grid: frames, rows and columns of tokens.
        references: first frames of the buffer that every query keeps.
    """
    sides = [min(side, size) for side, size in zip(settings.block, grid, strict=True)]
    counts = [-(-size // side) for side, size in zip(sides, grid, strict=True)]
    device = layout.gather.device
    number = torch.arange(math.prod(counts), device=device)
    time, place = number // (counts[1] * counts[2]), number % (counts[1] * counts[2])
    near = (time[:, None] - time[None]).abs() <= -(-settings.neighbours // sides[0])
    kept = near & (place[:, None] == place[None])
    kept = kept | (time[None] < -(-references // sides[0]))
    if len(layout.gather) == len(layout.scatter):  # nothing is padded
        return Blocks(layout, None, kept)
    real = torch.zeros(len(layout.gather), dtype=torch.bool, device=device)
    real[layout.scatter] = True
    return Blocks(layout, real.view(layout.windows, -1), kept)


def select(q: torch.Tensor, k: torch.Tensor, blocks: Blocks, settings: SparseSettings) -> Selection:
    """Select blocks by the attention between block means.

    Args:
        q, k: (B, H, n, l, d), normed and rotated.
        blocks: of the buffer.
        settings: how many.
    """
    scores = _means(q, blocks.real) @ _means(k, blocks.real).transpose(-1, -2) / math.sqrt(q.shape[-1])
    if blocks.real is not None:  # a block of few tokens gets little of the softmax
        scores = scores + blocks.real.sum(1).log()
    shares = scores.softmax(-1)
    order = (shares + 2.0 * blocks.kept).argsort(dim=-1, descending=True, stable=True)
    ranked = shares.gather(-1, order)
    wanted = (ranked.cumsum(-1) - ranked < settings.mass).sum(-1)
    least, most = (max(1, math.ceil(share * blocks.count)) for share in (settings.floor, settings.ceiling))
    return Selection(order, wanted.clamp(least, most).maximum(blocks.kept.sum(-1)))


def _means(x: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
    """Mean token of each block, float32 (B, H, n, d)."""
    x = x.float()
    if real is None:
        return x.mean(-2)
    weights = real[..., None].float()
    return (x * weights).sum(-2) / weights.sum(-2)


def attend_dense(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, selection: Selection, blocks: Blocks
) -> torch.Tensor:
    """Eq. 3 over all pairs of tokens; the reference for every back end. Rows of padding are meaningless."""
    length = q.shape[3]
    mask = repeat(selection.as_mask(), "b h n m -> b h (n i) (m j)", i=length, j=length)
    if blocks.real is not None:
        mask = mask & blocks.real.flatten()
    flat = attention(flat_blocks(q), flat_blocks(k), flat_blocks(v), mask, expects="efficient")
    return rearrange(flat, "b h (n l) d -> b h n l d", n=blocks.count)


def flat_blocks(x: torch.Tensor) -> torch.Tensor:
    """Blocks one after another: (B, H, n, l, d) to (B, H, n * l, d)."""
    return rearrange(x, "b h n l d -> b h (n l) d")

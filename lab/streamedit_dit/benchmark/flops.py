"""What attention costs, dense and sparse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AttentionFlops:
    """Operations of one layer's attention (2 for a multiply and add), its projections aside.

    Attributes:
        dense: with all pairs of tokens.
        attention: with the selected pairs only.
        selection: choosing them, between block means.
    """

    dense: float
    attention: float
    selection: float

    @property
    def saved(self) -> float:
        """Share of the dense cost that is saved; negative where choosing costs more than it saves."""
        return 1.0 - (self.attention + self.selection) / self.dense


def attention_flops(shape: Sequence[int], density: float) -> AttentionFlops:
    """Cost of attention over blocks.

    Args:
        shape: (B, H, n, l, d) of the queries.
        density: selected share of all pairs of blocks.
    """
    batch, heads, count, length, width = shape
    pairs = batch * heads * (count * length) ** 2
    dense = 4.0 * pairs * width
    return AttentionFlops(dense, dense * density, 2.0 * batch * heads * count**2 * width)

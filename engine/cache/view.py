"""What one forward pass sees of a cache: plain tensors and integers, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch


class LayerView(NamedTuple):
    """One layer's keys and values, the current frames' slots among them.

    Attributes:
        keys, values: (B, tokens, heads, head width).
        at: token at which the current frames' slots begin.
        kept: where the current frames' keys and values are written as well, for a cache that keeps
            its history in another number format.
    """

    keys: torch.Tensor
    values: torch.Tensor
    at: int
    kept: tuple[torch.Tensor, torch.Tensor] | None = None

    def put(
        self, k: torch.Tensor, v: torch.Tensor, chosen: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the current frames; returns all keys and values.

        Where gradients flow, the result is a copy: what autograd holds must not change later.

        Args:
            chosen: the tokens (n,) of the current frames that ``k`` and ``v`` are of; None for all.
        """
        stop = self.at + k.shape[1]
        if k.requires_grad:
            keys = torch.cat([self.keys[:, : self.at], k, self.keys[:, stop:]], dim=1)
            values = torch.cat([self.values[:, : self.at], v, self.values[:, stop:]], dim=1)
            return keys, values
        places = slice(self.at, stop) if chosen is None else chosen + self.at
        self.keys[:, places], self.values[:, places] = k, v
        if self.kept is not None:
            own = slice(None) if chosen is None else chosen
            self.kept[0][:, own], self.kept[1][:, own] = k, v
        return self.keys, self.values


class LayerReuse(NamedTuple):
    """One layer's self-attention, kept from an evaluation of a block for the next ones.

    Attributes:
        output: (B, tokens, dim) of the current frames.
        chosen: the tokens (n,) that are worked out anew; None for all of them.
    """

    output: torch.Tensor
    chosen: torch.Tensor | None


@dataclass(frozen=True)
class BlockView:
    """One block's view of all layers.

    Attributes:
        layer: gives the view of a layer.
        positions: temporal position of each current frame.
        key_positions: of every frame in the views, in their order; None where keys are kept rotated.
        references: how many of the frames in the views, the first ones, are references.
        frames: how many frames the views hold.
    """

    layer: Callable[[int], LayerView]
    positions: tuple[int, ...]
    key_positions: tuple[int, ...] | None
    references: int
    frames: int

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

    def put(self, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the current frames; returns all keys and values.

        Where gradients flow, the result is a copy: what autograd holds must not change later.
        """
        stop = self.at + k.shape[1]
        if k.requires_grad:
            keys = torch.cat([self.keys[:, : self.at], k, self.keys[:, stop:]], dim=1)
            values = torch.cat([self.values[:, : self.at], v, self.values[:, stop:]], dim=1)
            return keys, values
        self.keys[:, self.at : stop] = k
        self.values[:, self.at : stop] = v
        if self.kept is not None:
            self.kept[0].copy_(k)
            self.kept[1].copy_(v)
        return self.keys, self.values


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

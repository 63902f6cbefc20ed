"""Keys and values of new references, built in buffers of their own while the stream goes on."""

from __future__ import annotations

import torch

from .roll import RopeMode
from .view import BlockView, LayerView

KeysValues = list[tuple[torch.Tensor, torch.Tensor]]
"""Of each layer, (B, tokens, heads, head width)."""


class StagedReferenceKV:
    """Keys and values of reference frames that are not in the cache yet.

    Attributes:
        pairs: keys and values of each layer.
        frames: how many reference frames.
    """

    def __init__(self, pairs: KeysValues, frames: int, rope: RopeMode) -> None:
        self.pairs, self.frames = pairs, frames
        positions = tuple(range(frames))
        keys = positions if rope == "relative" else None
        self.view = BlockView(self._layer, positions, keys, frames, frames)

    def _layer(self, layer: int) -> LayerView:
        return LayerView(*self.pairs[layer], 0)

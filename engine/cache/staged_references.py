"""References on their way into a cache: built beside it while the stream goes on."""

from __future__ import annotations

from typing import Literal

import torch

from .view import BlockView, LayerView

RopeMode = Literal["relative", "absolute"]
"""Whether a cache keeps keys raw and numbers them anew for every block, or rotated once and for all."""

KeysValues = list[tuple[torch.Tensor, torch.Tensor]]
"""Of each layer, (B, tokens, heads, head width)."""


class StagedReferenceKV:
    """References on the way into a cache.

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

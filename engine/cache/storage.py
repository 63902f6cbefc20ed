"""Where a cache keeps keys and values: one slot per latent frame, the same slots in every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from .layout import CacheLayout
from .view import LayerView

Place = torch.device | str | Sequence[torch.device]
"""One device, or that of each layer."""


def of_layers(place: Place, layers: int) -> Sequence[torch.device | str]:
    """The device of each layer."""
    return [place] * layers if isinstance(place, torch.device | str) else place


class Storage(Protocol):
    """Slots are numbered as [bank | references | current block | sink | rolling]."""

    def view(self, layer: int, first: int, stop: int, frames: int) -> LayerView:
        """Slots ``first`` to ``stop``; of the current block's, the first ``frames`` only."""
        ...

    def frame(self, layer: int, slot: int, frames: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values (B, frames * tokens, heads, head width) of a slot, or of some from it on."""
        ...

    def write(
        self, layer: int, slot: int, k: torch.Tensor, v: torch.Tensor, where: torch.Tensor | None = None
    ) -> None:
        """Put whole frames into the slots from ``slot`` on; only where the bool scalar ``where`` says so."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        ...


class NativeStorage:
    """Keeps the network's own number format; a block writes straight into its slots."""

    def __init__(self, layout: CacheLayout, batch: int, device: Place, dtype: torch.dtype) -> None:
        self.tokens = layout.tokens
        self.current, self.block = layout.current, layout.block
        shape = (batch, layout.slots * layout.tokens, layout.heads, layout.head_width)

        def buffers() -> list[torch.Tensor]:
            return [torch.zeros(shape, device=each, dtype=dtype) for each in of_layers(device, layout.layers)]

        # keys and values apart: views of one storage would cost a compiled graph more
        self.keys, self.values = buffers(), buffers()

    def view(self, layer: int, first: int, stop: int, frames: int) -> LayerView:
        at = (self.current - first) * self.tokens
        tokens = slice(first * self.tokens, stop * self.tokens)
        keys, values = self.keys[layer][:, tokens], self.values[layer][:, tokens]
        after, end = at + self.block * self.tokens, at + frames * self.tokens
        if frames == self.block or keys.shape[1] <= after:
            return LayerView(keys, values, at)
        # a short block leaves a hole, which only a copy can close
        k, v = (torch.cat([part[:, :end], part[:, after:]], dim=1) for part in (keys, values))
        return LayerView(k, v, at, (keys[:, at:end], values[:, at:end]))

    def frame(self, layer: int, slot: int, frames: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = slice(slot * self.tokens, (slot + frames) * self.tokens)
        return self.keys[layer][:, tokens], self.values[layer][:, tokens]

    def write(
        self, layer: int, slot: int, k: torch.Tensor, v: torch.Tensor, where: torch.Tensor | None = None
    ) -> None:
        tokens = slice(slot * self.tokens, slot * self.tokens + k.shape[1])
        for buffer, new in ((self.keys[layer], k), (self.values[layer], v)):
            buffer[:, tokens] = new if where is None else torch.where(where, new, buffer[:, tokens])

    @property
    def nbytes(self) -> int:
        return sum(buffer.nbytes for buffer in (*self.keys, *self.values))

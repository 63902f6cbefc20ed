"""Where a cache keeps keys and values: one slot per latent frame, the same slots in every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from .view import LayerView

LARGEST_FP8 = 448.0
"""Largest number of torch.float8_e4m3fn."""


@dataclass(frozen=True)
class CacheLayout:
    """Sizes of a cache.

    Attributes:
        layers, heads, head_width: of the network.
        tokens: tokens of a latent frame.
        block: latent frames that are denoised together.
        window: latent frames that a query can see, sink and current block included.
        sink: how many of them are kept from the beginning of the stream.
        references: reference frames that fit in, besides the window.
    """

    layers: int
    heads: int
    head_width: int
    tokens: int
    block: int
    window: int
    sink: int = 0
    references: int = 0

    def __post_init__(self) -> None:
        if self.rolling < 0:
            raise ValueError(f"a window of {self.window} has no room for {self.sink} + {self.block} frames")

    @property
    def rolling(self) -> int:
        """Frames of history that are forgotten, oldest first."""
        return self.window - self.sink - self.block

    @property
    def slots(self) -> int:
        """All frames that are stored."""
        return self.references + self.window

    def bytes(self, batch: int, itemsize: int) -> int:
        """Bytes of a cache in a format of ``itemsize`` bytes: what the memory estimate predicts."""
        token = 2 * self.heads * self.head_width * itemsize
        return batch * self.layers * self.slots * self.tokens * token


class Storage(Protocol):
    """Slots are numbered as [references | current block | sink | rolling]."""

    def view(self, layer: int, first: int, stop: int, frames: int) -> LayerView:
        """Slots ``first`` to ``stop``; of the current block's, the first ``frames`` only."""
        ...

    def frame(self, layer: int, slot: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values (B, tokens, heads, head width) of a slot."""
        ...

    def write(
        self, layer: int, slot: int, k: torch.Tensor, v: torch.Tensor, where: torch.Tensor | None = None
    ) -> None:
        """Put whole frames into the slots from ``slot`` on; only where the bool scalar ``where`` says so."""
        ...

    def move(self, source: int, target: int, count: int) -> None:
        """Copy slots of sink and rolling, in all layers; the ranges may overlap."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        ...


class NativeStorage:
    """Keeps the network's own number format; a block writes straight into its slots."""

    def __init__(
        self, layout: CacheLayout, batch: int, device: torch.device | str, dtype: torch.dtype
    ) -> None:
        self.tokens = layout.tokens
        self.current, self.block = layout.references, layout.block
        shape = (batch, layout.slots * layout.tokens, layout.heads, layout.head_width)

        def buffers() -> list[torch.Tensor]:
            return [torch.zeros(shape, device=device, dtype=dtype) for _ in range(layout.layers)]

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
        whole = (torch.cat([part[:, :end], part[:, after:]], dim=1) for part in (keys, values))
        return LayerView(*whole, at, (keys[:, at:end], values[:, at:end]))

    def frame(self, layer: int, slot: int) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = slice(slot * self.tokens, (slot + 1) * self.tokens)
        return self.keys[layer][:, tokens], self.values[layer][:, tokens]

    def write(
        self, layer: int, slot: int, k: torch.Tensor, v: torch.Tensor, where: torch.Tensor | None = None
    ) -> None:
        tokens = slice(slot * self.tokens, slot * self.tokens + k.shape[1])
        for buffer, new in ((self.keys[layer], k), (self.values[layer], v)):
            buffer[:, tokens] = new if where is None else torch.where(where, new, buffer[:, tokens])

    def move(self, source: int, target: int, count: int) -> None:
        old, new = (slice(slot * self.tokens, (slot + count) * self.tokens) for slot in (source, target))
        for buffer in (*self.keys, *self.values):
            buffer[:, new] = buffer[:, old].clone()

    @property
    def nbytes(self) -> int:
        return sum(buffer.nbytes for buffer in (*self.keys, *self.values))


class Fp8Storage:
    """Keeps all but the current block in float8_e4m3fn, with a scale for each frame and head.

    Half the bytes of bfloat16, for one dequantised layer at a time while a block runs.
    """

    def __init__(
        self, layout: CacheLayout, batch: int, device: torch.device | str, dtype: torch.dtype
    ) -> None:
        self.layout, self.tokens, self.dtype = layout, layout.tokens, dtype
        self.current, self.block = layout.references, layout.block
        frame = (layout.tokens, layout.heads, layout.head_width)

        def buffers(frames: int, shape: tuple[int, ...], kind: torch.dtype) -> list[torch.Tensor]:
            return [
                torch.zeros(batch, frames, *shape, device=device, dtype=kind)
                for _ in range(2 * layout.layers)
            ]

        # uint8 holds float8's bits, because not every operation takes float8
        self.codes = buffers(layout.slots - layout.block, frame, torch.uint8)
        self.scales = buffers(layout.slots - layout.block, (1, layout.heads, 1), torch.float32)
        self.live = buffers(layout.block, frame, dtype)

    def _row(self, slot: int) -> int:
        """The row of a slot in ``codes``, which leave the current block out."""
        return slot if slot < self.current else slot - self.block

    def _read(self, buffer: int, first: int, stop: int) -> torch.Tensor:
        codes = self.codes[buffer][:, first:stop].view(torch.float8_e4m3fn)
        return (codes.float() * self.scales[buffer][:, first:stop]).to(self.dtype).flatten(1, 2)

    def view(self, layer: int, first: int, stop: int, frames: int) -> LayerView:
        whole, kept = [], []
        for buffer in (2 * layer, 2 * layer + 1):
            live = self.live[buffer][:, :frames].flatten(1, 2)
            after = self._read(buffer, self.current, max(self.current, self._row(stop)))
            whole.append(torch.cat([self._read(buffer, first, self.current), live, after], dim=1))
            kept.append(live)
        return LayerView(whole[0], whole[1], (self.current - first) * self.tokens, (kept[0], kept[1]))

    def frame(self, layer: int, slot: int) -> tuple[torch.Tensor, torch.Tensor]:
        buffers = (2 * layer, 2 * layer + 1)
        if self.current <= slot < self.current + self.block:
            k, v = (self.live[buffer][:, slot - self.current] for buffer in buffers)
        else:
            row = self._row(slot)
            k, v = (self._read(buffer, row, row + 1) for buffer in buffers)
        return k, v

    def write(
        self, layer: int, slot: int, k: torch.Tensor, v: torch.Tensor, where: torch.Tensor | None = None
    ) -> None:
        for buffer, new in ((2 * layer, k), (2 * layer + 1, v)):
            new = new.unflatten(1, (-1, self.tokens)).float()
            scale = new.abs().amax(dim=(2, 4), keepdim=True).clamp(min=1e-12) / LARGEST_FP8
            codes = (new / scale).to(torch.float8_e4m3fn).view(torch.uint8)
            rows = slice(self._row(slot), self._row(slot) + new.shape[1])
            for target, fresh in ((self.codes[buffer], codes), (self.scales[buffer], scale)):
                target[:, rows] = fresh if where is None else torch.where(where, fresh, target[:, rows])

    def move(self, source: int, target: int, count: int) -> None:
        old, new = (slice(self._row(slot), self._row(slot) + count) for slot in (source, target))
        for buffer in (*self.codes, *self.scales):
            buffer[:, new] = buffer[:, old].clone()

    @property
    def nbytes(self) -> int:
        return sum(buffer.nbytes for buffer in (*self.codes, *self.scales, *self.live))

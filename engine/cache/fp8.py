"""A cache in eight bits: half the bytes of bfloat16."""

from __future__ import annotations

import torch

from .layout import CacheLayout
from .storage import Place, of_layers
from .view import LayerView

LARGEST_FP8 = 448.0
"""Largest number of torch.float8_e4m3fn."""


class Fp8Storage:
    """Keeps all but the current block in float8_e4m3fn, with a scale for each frame and head.

    Half the bytes of bfloat16, for one dequantised layer at a time while a block runs.
    """

    def __init__(self, layout: CacheLayout, batch: int, device: Place, dtype: torch.dtype) -> None:
        self.layout, self.tokens, self.dtype = layout, layout.tokens, dtype
        self.current, self.block = layout.current, layout.block
        frame = (layout.tokens, layout.heads, layout.head_width)

        def buffers(frames: int, shape: tuple[int, ...], kind: torch.dtype) -> list[torch.Tensor]:
            return [
                torch.zeros(batch, frames, *shape, device=each, dtype=kind)
                for each in of_layers(device, layout.layers)
                for _ in range(2)
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

    def frame(self, layer: int, slot: int, frames: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
        buffers = (2 * layer, 2 * layer + 1)
        if self.current <= slot < self.current + self.block:
            first = slot - self.current
            k, v = (self.live[buffer][:, first : first + frames].flatten(1, 2) for buffer in buffers)
        else:
            row = self._row(slot)
            k, v = (self._read(buffer, row, row + frames) for buffer in buffers)
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

    @property
    def nbytes(self) -> int:
        return sum(buffer.nbytes for buffer in (*self.codes, *self.scales, *self.live))

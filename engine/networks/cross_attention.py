"""The text side of the edit U-Net's cross-attention, taken out so that it need not run again.

Keys and values of the text depend on the prompt's states alone: not on the picture, the noise level
or the step. ``KVProjection`` computes them for all layers at once, and the U-Net it comes with
reads them out of one tensor. Exact: the same products, only earlier and once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DreamLiteUNetModel  # pyright: ignore[reportPrivateImportUsage] - exported lazily
from torch import nn

from ..conditioning.states import TextStates
from .hooks import sharing_clone


class Columns(nn.Module):
    """Columns ``start`` to ``stop`` of its input; stands where a projection stood."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., self.start : self.stop]


@dataclass(frozen=True)
class CrossAttentionKV(TextStates):
    """Keys and values of all layers beside each other: ``states`` (B, L, two times the layers' widths)."""


class KVProjection:
    """Keys and values of every cross-attention layer.

    Args:
        unet: keeps its own projections; nothing of it is changed.

    Attributes:
        unet: a clone that shares all Parameters and takes ``project``'s result in place of states.
    """

    def __init__(self, unet: DreamLiteUNetModel) -> None:
        names = [name for name, _ in unet.named_modules() if name.endswith(".attn2")]
        self._text = unet.encoder_hid_proj
        self._layers: list[Any] = [unet.get_submodule(name) for name in names]
        self.unet = sharing_clone(unet, *unet.buffers())
        self.unet.encoder_hid_proj = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        start = 0
        for name in names:
            attention = self.unet.get_submodule(name)
            for projection in ("to_k", "to_v"):
                stop = start + getattr(attention, projection).out_features
                setattr(attention, projection, Columns(start, stop))
                start = stop

    def project(self, text: TextStates) -> CrossAttentionKV:
        """States (B, L, D) to the keys and values of every layer."""
        states = self._text(text.states)
        parts = [part for each in self._layers for part in (each.to_k(states), each.to_v(states))]
        return CrossAttentionKV(torch.cat(parts, -1), text.mask)

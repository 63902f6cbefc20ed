"""The style of a block-autoregressive stream: as its encoders give it, and as the network attends to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..cache.staged_references import StagedReferenceKV
from ..networks.causal_wan.model import CrossAttentionKV


@dataclass(frozen=True)
class StyleStates:
    """A style as text encoder and autoencoder give it.

    Attributes:
        text: states (B, length, text_dim), padded as the model was trained.
        references: latents (B, R, C, h, w) of reference pictures, or None.
        strength: weight of the references in the attention, 0 to 1 (or beyond).
    """

    text: torch.Tensor
    references: torch.Tensor | None = None
    strength: float = 1.0

    def equals(self, other: StyleStates) -> bool:
        """Whether the two ask for the same picture."""
        mine, its = self.references, other.references
        if (mine is None) != (its is None) or self.strength != other.strength:
            return False
        same = mine is None or its is None or torch.equal(mine, its)
        return same and torch.equal(self.text, other.text)


@dataclass(frozen=True)
class StyleKV:
    """A style as keys and values; computed ahead, while the stream goes on.

    Attributes:
        states: what they were computed from.
        text: keys and values of every cross-attention layer.
        references: the reference pictures' keys and values, or None without any.
    """

    states: StyleStates
    text: CrossAttentionKV
    references: StagedReferenceKV | None

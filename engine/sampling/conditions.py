"""What a block-autoregressive stream is to look like, as it was asked for and as a network attends to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..cache.staged_references import StagedReferenceKV
from ..networks.causal_wan.model import TextContext


@dataclass(frozen=True)
class Conditions:
    """What a stream is to look like.

    Attributes:
        text: states (B, length, text_dim), padded as the model was trained.
        references: latents (B, R, C, h, w) of reference pictures, or None.
        strength: weight of the references in the attention, 0 to 1 (or beyond).
    """

    text: torch.Tensor
    references: torch.Tensor | None = None
    strength: float = 1.0

    def equals(self, other: Conditions) -> bool:
        """Whether the two ask for the same picture."""
        mine, its = self.references, other.references
        if (mine is None) != (its is None) or self.strength != other.strength:
            return False
        same = mine is None or its is None or torch.equal(mine, its)
        return same and torch.equal(self.text, other.text)


@dataclass(frozen=True)
class Encoded:
    """Conditions as the network attends to them; made ahead, while the stream goes on."""

    conditions: Conditions
    context: TextContext
    staged: StagedReferenceKV | None

"""Text as a network reads it: what an encoder made of prompts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch


@dataclass(frozen=True)
class TextStates:
    """States of the tokens of B prompts: of one encoder, or of several joined at a network\'s width.

    Attributes:
        states: (B, L, D).
        mask: (B, L), bool or int64; False or 0 at padding, where states mean nothing.
    """

    states: torch.Tensor
    mask: torch.Tensor

    def expand(self, batch: int) -> Self:
        """The first prompt, shared by ``batch`` frames or buffers."""
        states, mask = self.states[:1].expand(batch, -1, -1), self.mask[:1].expand(batch, -1)
        return replace(self, states=states, mask=mask)

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
        mask: (B, L), bool or int64; False or 0 at padding, where states mean nothing. None where nothing is
            padded, as with a single prompt: attention without a mask has faster kernels.
    """

    states: torch.Tensor
    mask: torch.Tensor | None

    @property
    def said(self) -> torch.Tensor:
        """The mask; all True where it is None."""
        if self.mask is not None:
            return self.mask
        return torch.ones(self.states.shape[:2], dtype=torch.bool, device=self.states.device)

    def expand(self, batch: int) -> Self:
        """The first prompt, shared by ``batch`` frames or buffers."""
        mask = None if self.mask is None else self.mask[:1].expand(batch, -1)
        return replace(self, states=self.states[:1].expand(batch, -1, -1), mask=mask)

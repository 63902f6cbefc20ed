"""What a text encoder says of a prompt."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class TextStates:
    """One encoder's token states.

    Attributes:
        states: (B, L, D).
        mask: bool (B, L), False at padding.
    """

    states: torch.Tensor
    mask: torch.Tensor

"""States as long as a prompt may be, without text encoders: what they hold does not change the speed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from ...engine.conditioning.ensemble import TextEnsemble
from ...engine.conditioning.states import TextStates

TEXT_TOKENS = 128
"""Of each text encoder."""


class RandomText(TextEnsemble):
    """States of every text encoder that a network was made for: (name, width) of each."""

    def __init__(self, widths: Iterable[tuple[str, int]], device: torch.device, dtype: torch.dtype) -> None:
        super().__init__({})
        self._states = {
            name: TextStates(torch.randn(1, TEXT_TOKENS, width, device=device, dtype=dtype), None)
            for name, width in widths
        }

    def encode(self, prompts: Sequence[str]) -> dict[str, TextStates]:
        return dict(self._states)

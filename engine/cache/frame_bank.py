"""MemFlow's bank (arXiv 2512.14699): a few frames of the past, kept for what the text asks for."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .storage import Storage

GROUP = 3
"""Blocks in a row whose first frames share a place of the bank: the last of them stays."""


def replace_weakest(
    storage: Storage, slots: range, source: int, text: Sequence[tuple[torch.Tensor, torch.Tensor]]
) -> None:
    """Put a frame into a full bank, in each layer by itself where the text attends the least.

    Args:
        slots: of the bank.
        source: slot of the new frame.
        text: keys and values of the text in each layer, (B, F or 1, length, heads, head width).
    """
    for layer, (asked, _) in enumerate(text):
        # the mean of all products of two keys is the product of their means
        query = asked.float().mean(dim=(0, 1, 2))
        scores = torch.stack([_salience(query, storage.frame(layer, slot)[0]) for slot in slots])
        weakest, new = scores.argmin(), storage.frame(layer, source)
        for place, slot in enumerate(slots):
            storage.write(layer, slot, *new, where=weakest == place)


def _salience(query: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    return (query * keys.float().mean(dim=(0, 1))).sum()

"""A sink that follows a change of scene (StreamDiffusionV2, arXiv 2511.07399)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .storage import Storage


def renew(storage: Storage, layers: int, sink: range, source: int, similarity: float) -> None:
    """Replace, in each layer by itself, the sink frame that a new one is least like.

    Args:
        sink: slots of the sink.
        source: slot of the new frame.
        similarity: a mean cosine below this replaces.
    """
    for layer in range(layers):
        new = storage.frame(layer, source)
        likeness = torch.stack([_likeness(storage.frame(layer, slot), new) for slot in sink])
        stale, lowest = likeness.amin() < similarity, likeness.argmin()
        for place, slot in enumerate(sink):
            storage.write(layer, slot, *new, where=stale & (lowest == place))


def _likeness(
    one: tuple[torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Mean cosine of the mean keys and of the mean values of two frames: a scalar."""
    keys, values = (
        F.cosine_similarity(a.float().mean(1).flatten(), b.float().mean(1).flatten(), dim=0)
        for a, b in zip(one, other, strict=True)
    )
    return (keys + values) / 2

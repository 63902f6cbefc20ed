"""A sink that is a moving average of what has left the window (Reward-Forcing, arXiv 2512.04678)."""

from __future__ import annotations

from collections.abc import Sequence

from .storage import Storage


def take_in(storage: Storage, layers: int, first_sink: int, leaving: Sequence[int], keep: float) -> None:
    """Blend frames that leave into the sink, each into the frame of its place.

    Stored in bfloat16, a share of 0.001 is mostly rounded away; the published code stores it so too.

    Args:
        first_sink: slot of the sink's first frame.
        leaving: slots, as many as the sink has, or none.
        keep: share that the sink keeps of itself, 0 to 1.
    """
    for layer in range(layers):
        for place, slot in enumerate(leaving):
            old, new = storage.frame(layer, first_sink + place), storage.frame(layer, slot)
            k, v = (keep * a.float() + (1.0 - keep) * b.float() for a, b in zip(old, new, strict=True))
            storage.write(layer, first_sink + place, k.to(old[0]), v.to(old[1]))

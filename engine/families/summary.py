"""What the node says of a model before anything of it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from .base import ModelHandle
from .registry import release_of, weight_bytes


def summary(family: str, handle: ModelHandle, dtype: torch.dtype, free: Mapping[torch.device, int]) -> str:
    """One line: memory by part, what is free on each device that it will be on, and the licence."""
    sizes = weight_bytes(handle, dtype)
    parts = ", ".join(f"{part} {_size(size)}" for part, size in sizes.items())
    form = "fp8" if handle.dtype == "fp8" else str(dtype).removeprefix("torch.")
    left = ", ".join(
        f"{_size(size)} free" + (f" on {device}" if len(free) > 1 else "") for device, size in free.items()
    )
    line = f"{family}: {_size(sum(sizes.values()))} of weights in {form} ({parts}); {left}"
    release = release_of(Path(handle.checkpoint))
    return f"{line}; {release.licence}, {release.terms}" if release else line


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"

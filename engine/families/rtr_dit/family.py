"""The RTR-DiT family."""

import torch

from ..base import ModelHandle
from ..family import Family
from ..footprint import footprint
from .checkpoint import FAMILY as NAME
from .checkpoint import recognised, recognises
from .hosted_text import hosted_file
from .loader import load
from .profile import PROFILES
from .runner import RTRDiTRunner


def identify(handle: ModelHandle) -> str:
    """What a checkpoint is played as, and what says so."""
    found, line = recognised(handle)
    file = hosted_file(handle) if found.profile.text == "umt5" else None
    return line if file is None else f"{line}; prompts read by {file.name}"


def weights(handle: ModelHandle, dtype: torch.dtype) -> dict[str, int]:
    """Bytes by part; a text encoder that is only lent to the device is in ``stream_bytes`` instead."""
    sizes = footprint(handle, dtype)
    if (
        "text_encoder" in sizes
        and not handle.text_encoder_device
        and recognised(handle)[0].profile.text == "umt5"
    ):
        del sizes["text_encoder"]
    return sizes


FAMILY = Family(NAME, recognises, load, RTRDiTRunner, weights, identify, tuple(PROFILES))

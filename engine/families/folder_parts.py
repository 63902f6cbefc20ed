"""Loads the parts of a ``checkpoint_folder``, which the families of that layout have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from ..autoencoders.load import load_video_autoencoder
from ..conditioning.ensemble import load_ensemble
from ..errors import SettingError
from .base import ModelHandle
from .checkpoint_folder import TEXT_ENCODERS, CheckpointDescription
from .devices import devices_of
from .parted_model import PartedModel

Model = TypeVar("Model", bound=PartedModel)


def refuse_other_parts(handle: ModelHandle, title: str) -> None:
    """Raise SettingError for files that the families of this layout take from nowhere else."""
    if handle.lora:
        raise SettingError(f"lora: {title} models take no LoRA files, set it to none.")
    if handle.text_encoder:
        raise SettingError(f"text_encoder: {title} checkpoints bring their own, set it to auto.")


def load_parts(
    description: type[CheckpointDescription],
    model: Callable[..., Model],
    handle: ModelHandle,
    device: torch.device,
    dtype: torch.dtype,
) -> Model:
    """Read a folder and put its parts together on a device, or on those that the handle names.

    Args:
        description: of the family.
        model: takes network, text encoders, autoencoder and profile.

    Raises:
        CheckpointError: a part is missing, damaged or doesn't fit the others.
    """
    folder = Path(handle.checkpoint)
    described = description.read(folder)
    network = described.load_network(folder, dtype)
    text = load_ensemble(folder / TEXT_ENCODERS, dict(described.profile.text_limits), dtype)
    autoencoder = load_video_autoencoder(described.find_autoencoder(handle), dtype)
    described.check({name: part.width for name, part in text.encoders.items()}, autoencoder.channels)
    loaded = model(network, text, autoencoder, described.profile)
    return loaded.placed(devices_of(handle, device))

"""Loads a StreamDiT checkpoint folder."""

from __future__ import annotations

from pathlib import Path

import torch

from ...autoencoders.load import load_video_autoencoder
from ...conditioning.ensemble import load_ensemble
from ...errors import CheckpointError, SettingError
from ..base import ModelHandle
from ..checkpoint_folder import TEXT_ENCODERS
from .checkpoint import Description
from .fp8 import quantise
from .model import StreamDiTModel


def load(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> StreamDiTModel:
    """Load every part of a checkpoint.

    Raises:
        CheckpointError: a part is missing, damaged or doesn't fit the others.
        SettingError: a LoRA, a text encoder or a dtype that can't work.
    """
    folder = Path(handle.checkpoint)
    if handle.lora:
        raise SettingError("lora: StreamDiT models take no LoRA files, set it to none.")
    if handle.text_encoder:
        raise SettingError("text_encoder: StreamDiT checkpoints bring their own, set it to auto.")
    if dtype == torch.float16:
        raise SettingError("dtype fp16 is too narrow for StreamDiT models: use bf16 or fp32.")
    described = Description.read(folder)
    network = described.load_network(folder, dtype)
    text = load_ensemble(folder / TEXT_ENCODERS, dict(described.profile.text_limits), dtype)
    autoencoder = load_video_autoencoder(described.find_autoencoder(handle), dtype)
    if autoencoder.channels != described.network.channels:
        raise CheckpointError(
            f"The autoencoder has {autoencoder.channels} channels, {folder.name} needs "
            f"{described.network.channels}: set autoencoder to auto."
        )
    model = StreamDiTModel(network, text, autoencoder, described.profile)
    for module in model.modules():
        module.to(device)
    if handle.dtype == "fp8":
        quantise(network)
    return model

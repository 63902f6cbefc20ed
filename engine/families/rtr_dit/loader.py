"""Loads a causal video checkpoint: public Self-Forcing relatives, diffusers folders, or a demo."""

from __future__ import annotations

from pathlib import Path

import torch

from ...autoencoders.load import load_video_autoencoder
from ...errors import CheckpointError, SettingError
from ...log import log
from ...networks.causal_wan.keys import original_name
from ...networks.lora import apply_lora
from ..base import ModelHandle
from ..devices import devices_of
from ..note import shared_parts
from .checkpoint import load_network, read_tensors, recognised
from .hosted_text import HostedText, hosted_file
from .model import RTRDiTModel
from .text import PaddedText, load_text


def load(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> RTRDiTModel:
    """Load every part of a checkpoint.

    Raises:
        CheckpointError: a part is missing, damaged or of another model.
        SettingError: a dtype that can't work, or the profile must be chosen.
    """
    if dtype == torch.float16 or handle.dtype == "fp8":
        raise SettingError(f"dtype {handle.dtype} is not made for causal video models: use bf16 or fp32.")
    path = Path(handle.checkpoint)
    found, line = recognised(handle)
    log.info("%s: %s", path.name, line)
    profile = found.profile
    net = load_network(path, profile, dtype)
    folder = path if path.is_dir() else path.parent
    lora = None
    if handle.lora:
        lora = apply_lora(net, Path(handle.lora), rename=original_name, read=read_tensors)
    text_folder = Path(handle.text_encoder) if handle.text_encoder else folder
    text: PaddedText | None
    if profile.text == "umt5" and handle.host_text is not None and hosted_file(handle) is not None:
        log.info("%s: prompts read by %s", path.name, Path(handle.host_text.path).name)
        text = HostedText(
            handle.host_text.open(handle.text_encoder_device), profile.text_length, net.config.text_dim
        )
    else:
        resident = bool(handle.text_encoder_device)  # on a device of its own it is in nobody's way
        text = load_text(text_folder, profile.text, profile.text_length, dtype, resident=resident)
    if text is not None and text.width != net.config.text_dim:
        raise CheckpointError(
            f"The text encoder's states are {text.width} wide, {path.name} reads "
            f"{net.config.text_dim}: set text_encoder to auto."
        )
    autoencoder = load_video_autoencoder(_autoencoder(handle, folder), dtype)
    if autoencoder.channels != net.config.out_channels:
        raise CheckpointError(
            f"The autoencoder has {autoencoder.channels} channels, {path.name} needs "
            f"{net.config.out_channels}: set autoencoder to auto or pick its own."
        )
    autoencoder.unit_pixels = profile.pixels == "unit"
    model = RTRDiTModel(net, text, autoencoder, profile, lora, handle.lora_strength)
    return model.placed(devices_of(handle, device))


def _autoencoder(handle: ModelHandle, folder: Path) -> Path:
    """The chosen one, the one inside the folder, or the shared one beside it."""
    if handle.autoencoder:
        return Path(handle.autoencoder)
    shared = shared_parts(folder).get("vae")
    if shared is None and not (folder / "vae").is_dir():
        raise CheckpointError(
            f"{folder.name} brings no autoencoder: pick one for autoencoder, such as taew2_1 or Wan's VAE."
        )
    return shared or folder / "vae"

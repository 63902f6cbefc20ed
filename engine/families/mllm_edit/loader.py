"""Loads an MLLM-edit checkpoint folder: DreamLite-mobile or -base in either published layout, or a demo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ...autoencoders.image import ImageAutoencoder, load_image_autoencoder
from ...conditioning.load import load_encoder
from ...errors import CheckpointError, SettingError
from ...networks.lora import apply_lora
from ..base import ModelHandle
from ..devices import devices_of
from ..note import NOTE, read_note, shared_parts
from ..releases import release_in
from .denoiser import Denoiser
from .fp8 import quantise
from .model import MLLMEditModel
from .profile import FAMILY, Profile
from .releases import RELEASES
from .unet import load_unet

FP16_REFUSED = "dtype fp16 overflows in this model (its text states reach 1160): use bf16 or fp32."


def recognises(folder: Path) -> bool:
    """Whether a folder is an MLLM-edit checkpoint, by its own description."""
    for name, key in ((NOTE, "family"), ("model_index.json", "_class_name")):
        described = str(read_note(folder, name).get(key, ""))
        if described == FAMILY or described.startswith("DreamLite"):
            return True
    return False


def load(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> MLLMEditModel:
    """Load every part of a checkpoint.

    Args:
        handle: which files.
        device: where the weights go, but for parts that the handle puts elsewhere.
        dtype: of the weights; where the handle asks for fp8, of what stays unquantised.

    Raises:
        CheckpointError: a part is missing, damaged or of another model.
        SettingError: a dtype or LoRA that can't work.
    """
    folder = Path(handle.checkpoint)
    if dtype == torch.float16:
        raise SettingError(FP16_REFUSED)
    parts = _parts(folder, handle)
    profile = Profile.load(folder)
    unet = load_unet(folder / "unet", dtype)
    lora = apply_lora(unet, Path(handle.lora)) if handle.lora else None
    model = MLLMEditModel(
        denoiser=Denoiser(unet, profile),
        encoder=load_encoder(
            folder, dtype, profile.image_side, profile.context_length, weights=parts["text_encoder"]
        ),
        autoencoder=_autoencoder(parts["vae"], dtype, unet.config.out_channels),
        scheduler=_scheduler(folder / "scheduler" / "scheduler_config.json"),
        profile=profile,
        lora=lora,
        lora_strength=handle.lora_strength,
    ).placed(devices_of(handle, device))
    return replace(model, quantised=quantise(model)) if handle.dtype == "fp8" else model


def _parts(folder: Path, handle: ModelHandle) -> dict[str, Path]:
    """Where each part lies: as the artist chose, in the folder, or shared beside it.

    Raises:
        CheckpointError: parts are nowhere; the line says where to get them.
    """
    chosen = {"vae": handle.autoencoder, "text_encoder": handle.text_encoder}
    shared = shared_parts(folder)
    found = {part: folder / part for part in ("unet", "vae", "text_encoder", "tokenizer", "scheduler")}
    found |= shared | {part: Path(path) for part, path in chosen.items() if path}
    missing = [part for part, path in found.items() if not path.exists()]
    if missing:
        release = release_in(folder, RELEASES)
        where = f"get it from {release.source}" if release else "get the whole folder again"
        also = ", or TAESDXL (MIT) from huggingface.co/madebyollin/taesdxl into models/vae_approx"
        raise CheckpointError(
            f"Checkpoint {folder.name} lacks {', '.join(missing)}: "
            f"{where}{also if release and missing == ['vae'] else ''}."
        )
    return found


def _autoencoder(path: Path, dtype: torch.dtype, channels: int) -> ImageAutoencoder:
    autoencoder = load_image_autoencoder(path, dtype)
    if autoencoder.channels != channels:
        raise CheckpointError(
            f"Autoencoder {path.name} has {autoencoder.channels} latent channels and this model needs "
            f"{channels}: set autoencoder to auto."
        )
    return autoencoder


def _scheduler(path: Path) -> dict:
    config = read_note(path.parent, path.name)
    if not config:
        raise CheckpointError(f"{path.name} of {path.parent.parent.name} can't be read: get it again.")
    return config

"""Loads an MLLM-edit checkpoint folder: DreamLite-mobile or -base in either published layout, or a demo."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import DreamLiteUNetModel
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...autoencoders.image import load_image_autoencoder
from ...conditioning.mllm import load_encoder
from ...errors import CheckpointError, SettingError
from ..base import ModelHandle
from .denoiser import Denoiser
from .model import MLLMEditModel
from .profile import Profile

# the original repository's class names, as its configs carry them
ORIGINAL_BLOCKS = {
    "CrossAttnDownRemoveSelfAttnBlock2D": "DreamLiteCrossAttnNoSelfAttnDownBlock2D",
    "CrossAttnDownBlock2D": "DreamLiteCrossAttnDownBlock2D",
    "UNetMidBlock2DCrossAttn": "DreamLiteUNetMidBlock2DCrossAttn",
    "CrossAttnUpBlock2D": "DreamLiteCrossAttnUpBlock2D",
    "CrossAttnUpRemoveSelfAttnBlock2DV1": "DreamLiteCrossAttnNoSelfAttnUpBlock2D",
    "UpBlock2D": "DreamLiteUpBlock2D",
}
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")


def recognises(folder: Path) -> bool:
    """Whether a folder is an MLLM-edit checkpoint, by its own description."""
    for name, key in (("livestyle.json", "family"), ("model_index.json", "_class_name")):
        path = folder / name
        if path.exists():
            try:
                described = str(json.loads(path.read_text()).get(key, ""))
            except ValueError:
                continue
            if described == "mllm_edit" or described.startswith("DreamLite"):
                return True
    return False


def load(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> MLLMEditModel:
    """Load every part of a checkpoint.

    Raises:
        CheckpointError: a part is missing, damaged or of another model.
        SettingError: a dtype or LoRA that can't work.
    """
    folder = Path(handle.checkpoint)
    if dtype == torch.float16:
        raise SettingError(
            "dtype fp16 overflows in this model (its text states reach 1160): use bf16 or fp32."
        )
    if handle.lora:
        raise SettingError(
            "lora: this release can't apply LoRA files to MLLM-edit models yet, set it to none."
        )
    for widget, chosen in (("autoencoder", handle.autoencoder), ("text_encoder", handle.text_encoder)):
        if chosen and not Path(chosen).is_dir():
            raise SettingError(f"{widget}: this release takes folders in diffusers layout, set it to auto.")
    autoencoder = Path(handle.autoencoder) if handle.autoencoder else _beside(folder, "vae")
    text = Path(handle.text_encoder) if handle.text_encoder else folder
    missing = [part for part in PARTS if not (folder / part).is_dir() and part != "vae"]
    if missing:
        raise CheckpointError(
            f"Checkpoint {folder.name} lacks {', '.join(missing)}: get the whole folder again."
        )
    profile = Profile.load(folder)
    denoiser = Denoiser(_load_unet(folder / "unet", dtype), profile)
    model = MLLMEditModel(
        denoiser=denoiser,
        encoder=load_encoder(text, dtype, profile.image_side, profile.context_length),
        autoencoder=load_image_autoencoder(autoencoder, dtype),
        scheduler=json.loads((folder / "scheduler" / "scheduler_config.json").read_text()),
        profile=profile,
    )
    for module in model.modules():
        module.to(device)
    return model


def _beside(folder: Path, part: str) -> Path:
    """The part inside the folder, or where ``livestyle.json`` says it is shared."""
    note = folder / "livestyle.json"
    if not (folder / part).is_dir() and note.exists():
        shared = json.loads(note.read_text()).get("shared", {}).get(part)
        if shared and (folder.parent / shared).is_dir():
            return folder.parent / shared
    if not (folder / part).is_dir():
        raise CheckpointError(
            f"Checkpoint {folder.name} lacks its {part} folder: get the whole folder again."
        )
    return folder / part


def _load_unet(folder: Path, dtype: torch.dtype) -> DreamLiteUNetModel:
    weights = folder / "diffusion_pytorch_model.safetensors"
    if not weights.exists():
        pickled = next(
            (p.name for p in folder.iterdir() if p.suffix in {".bin", ".pt", ".pth", ".ckpt"}), None
        )
        why = f"only the pickle file {pickled}, which could run code" if pickled else "no weights"
        raise CheckpointError(
            f"U-Net folder of {folder.parent.name} holds {why}: use the .safetensors release."
        )
    try:
        config = json.loads((folder / "config.json").read_text())
        config = {k: v for k, v in config.items() if not k.startswith("_")}
        for key in ("down_block_types", "up_block_types"):
            config[key] = tuple(ORIGINAL_BLOCKS.get(block, block) for block in config[key])
        config["mid_block_type"] = ORIGINAL_BLOCKS.get(config["mid_block_type"], config["mid_block_type"])
        with torch.device("meta"):
            unet = DreamLiteUNetModel.from_config(config)
        tensors = {name: tensor.to(dtype) for name, tensor in load_file(weights).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"U-Net of {folder.parent.name} can't be read: {_line(error)}") from error
    except SafetensorError as error:
        raise CheckpointError(
            f"U-Net file of {folder.parent.name} is damaged or cut off ({_line(error)}): download it again."
        ) from error
    try:
        unet.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"U-Net of {folder.parent.name} is not a DreamLite network: {_line(error)}"
        ) from error
    return unet.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]

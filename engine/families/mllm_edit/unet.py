"""Reads the edit U-Net of a checkpoint folder, in either published layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import DreamLiteUNetModel
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...errors import CheckpointError, one_line

ORIGINAL_BLOCKS = {
    "CrossAttnDownRemoveSelfAttnBlock2D": "DreamLiteCrossAttnNoSelfAttnDownBlock2D",
    "CrossAttnDownBlock2D": "DreamLiteCrossAttnDownBlock2D",
    "UNetMidBlock2DCrossAttn": "DreamLiteUNetMidBlock2DCrossAttn",
    "CrossAttnUpBlock2D": "DreamLiteCrossAttnUpBlock2D",
    "CrossAttnUpRemoveSelfAttnBlock2DV1": "DreamLiteCrossAttnNoSelfAttnUpBlock2D",
    "UpBlock2D": "DreamLiteUpBlock2D",
}
"""The original repository's class names, as its configs carry them, in diffusers' terms."""

PUBLISHED_CONFIG: Mapping[str, Any] = {
    "sample_size": 128,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (256, 512, 896),
    "layers_per_block": 2,
    "attention_head_dim": (4, 8, 14),  # means the number of heads
    "transformer_layers_per_block": (1, 2, 4),
    "cross_attention_dim": 2304,
    "encoder_hid_dim": 2048,
    "encoder_hid_dim_type": "text_proj_rms",
    "addition_embed_type": "time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 512,
    "num_kv_heads": 1,
    "ff_mult": 3,
    "use_linear_projection": True,
}
"""DreamLite-mobile's and -base's own sizes; diffusers' defaults hold for what is not named."""


def load_unet(folder: Path, dtype: torch.dtype) -> DreamLiteUNetModel:
    """Load ``config.json`` and the weights of a ``unet/`` folder, to the CPU.

    Raises:
        CheckpointError: missing, damaged, a pickle, or another network; every tensor must fit.
    """
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
        unet = build_unet(json.loads((folder / "config.json").read_text()), torch.device("meta"))
        tensors = {name: tensor.to(dtype) for name, tensor in load_file(weights).items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"U-Net of {folder.parent.name} can't be read: {one_line(error)}") from error
    except SafetensorError as error:
        raise CheckpointError(
            f"U-Net file of {folder.parent.name} is damaged or cut off ({one_line(error)}): "
            "download it again."
        ) from error
    try:
        unet.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"U-Net of {folder.parent.name} is not a DreamLite network: {one_line(error)}"
        ) from error
    return unet.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def build_unet(config: Mapping[str, Any], device: torch.device) -> DreamLiteUNetModel:
    """The network of a config.json, whichever class names it uses, with random weights."""
    known = {key: value for key, value in config.items() if not key.startswith("_")}
    for key in ("down_block_types", "up_block_types"):
        if key in known:
            known[key] = tuple(ORIGINAL_BLOCKS.get(block, block) for block in known[key])
    if "mid_block_type" in known:
        known["mid_block_type"] = ORIGINAL_BLOCKS.get(known["mid_block_type"], known["mid_block_type"])
    with device:
        return DreamLiteUNetModel.from_config(known)

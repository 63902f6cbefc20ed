"""Wan's two autoencoders as single files: which one it is, diffusers' names for its tensors, its sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers

from .latents import WAN_22

NESTED_22 = re.compile(r"(encoder|decoder)\.(down|up)samples\.(\d+)\.(?:down|up)samples\.(\d+)\.(.+)")
"""A tensor of Wan 2.2 inside a level: which half, which way, the level, the layer, the rest."""

INSIDE_22 = (
    ("residual.0.", "norm1."),
    ("residual.2.", "conv1."),
    ("residual.3.", "norm2."),
    ("residual.6.", "conv2."),
    ("shortcut.", "conv_shortcut."),
)


def diffusers_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A file's tensors under diffusers' names; diffusers itself renames Wan 2.1's only."""
    if "encoder.conv1.weight" not in tensors:
        return dict(tensors)
    nested = {name: found for name in tensors if (found := NESTED_22.fullmatch(name))}
    if not nested:
        return dict(convert_wan_vae_to_diffusers(tensors))
    outer = convert_wan_vae_to_diffusers({k: v for k, v in tensors.items() if k not in nested})
    return {**outer, **{_nested_name(*found.groups()): tensors[k] for k, found in nested.items()}}


def _nested_name(half: str, way: str, level: str, layer: str, rest: str) -> str:
    if rest.startswith(("resample", "time_conv")):
        return f"{half}.{way}_blocks.{level}.{way}sampler.{rest}"
    for original, name in INSIDE_22:
        if rest.startswith(original):
            rest = name + rest.removeprefix(original)
    return f"{half}.{way}_blocks.{level}.resnets.{layer}.{rest}"


def sizes(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """What ``AutoencoderKLWan`` is to be built with for tensors under diffusers' names."""
    width, taken = tensors["encoder.conv_in.weight"].shape[:2]
    if taken == 3:
        return {"base_dim": width}
    return {
        "base_dim": width,
        "decoder_base_dim": len(tensors["decoder.conv_in.weight"]) // 4,
        "z_dim": len(tensors["post_quant_conv.weight"]),
        "latents_mean": list(WAN_22.mean),
        "latents_std": list(WAN_22.deviation),
        "is_residual": True,
        "in_channels": taken,
        "out_channels": taken,
        "patch_size": 2,
        "scale_factor_spatial": 16,
    }

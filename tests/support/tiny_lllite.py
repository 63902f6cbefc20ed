"""A random adapter for the tiny U-Net, and one evaluation of that U-Net."""

from __future__ import annotations

import torch
from diffusers import DreamLiteUNetModel

from livestyle.engine.networks.hooks import hook_sites
from livestyle.engine.networks.lllite import TemporalLLLite

TEXT_WIDTH = 96


def random_adapter(unet: DreamLiteUNetModel, seed: int = 1, scale: float = 0.2) -> TemporalLLLite:
    """Every weight drawn, so that every hook acts."""
    adapter = TemporalLLLite.new(hook_sites(unet), cond_dim=8, mlp_dim=12)
    generator = torch.Generator().manual_seed(seed)
    for parameter in adapter.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * scale
    return adapter


def pictures(count: int, height: int, width: int, seed: int = 2) -> torch.Tensor:
    """(count, 3, height, width) in -1..1."""
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2.0 - 1.0


def unet_inputs(unet: DreamLiteUNetModel, count: int, height: int, width: int) -> dict:
    """Arguments for a picture of height x width; the width layout doubles it where the U-Net is one."""
    generator = torch.Generator().manual_seed(3)
    columns = width // 8 * (2 if unet.config.in_channels == unet.config.out_channels else 1)
    return {
        "sample": torch.randn(count, unet.config.in_channels, height // 8, columns, generator=generator),
        "timestep": torch.full((count,), 1000.0),
        "encoder_hidden_states": torch.randn(count, 6, TEXT_WIDTH, generator=generator),
        "encoder_attention_mask": torch.ones(count, 6, dtype=torch.long),
        "added_cond_kwargs": {"time_ids": torch.full((count, 2), float(width))},
    }

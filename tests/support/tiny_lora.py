"""A random LoRA for a U-Net, in each published key style."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

RANK = 4
STYLES = {
    "peft": ("base_model.model.{}.lora_A.weight", "base_model.model.{}.lora_B.weight", None),
    "diffusers": ("unet.{}.lora_A.weight", "unet.{}.lora_B.weight", "unet.{}.alpha"),
    "kohya": ("lora_unet_{}.lora_down.weight", "lora_unet_{}.lora_up.weight", "lora_unet_{}.alpha"),
}


def attention_linears(unet: nn.Module) -> dict[str, nn.Linear]:
    """What the paper's LCM-LoRA acts on: q, k, v and out of every attention (arXiv 2606.05981, section V)."""
    ends = ("to_q", "to_k", "to_v", "to_out.0")
    return {name: module for name, module in unet.named_modules() if ".attn" in name and name.endswith(ends)}


def write_lora(unet: nn.Module, path: Path, style: str, alpha: float = RANK) -> dict[str, torch.Tensor]:
    """A random LoRA file; returns the change of each weight matrix at strength 1."""
    generator = torch.Generator().manual_seed(5)
    down_key, up_key, alpha_key = STYLES[style]
    tensors, changes = {}, {}
    for name, linear in attention_linears(unet).items():
        down = torch.randn(RANK, linear.in_features, generator=generator) * 0.1
        up = torch.randn(linear.out_features, RANK, generator=generator) * 0.1
        written = name.replace(".", "_") if style == "kohya" else name
        tensors |= {down_key.format(written): down, up_key.format(written): up}
        if alpha_key:
            tensors[alpha_key.format(written)] = torch.tensor(float(alpha))
        changes[name] = up @ down * (alpha / RANK if alpha_key else 1.0)
    save_file(tensors, path)
    return changes

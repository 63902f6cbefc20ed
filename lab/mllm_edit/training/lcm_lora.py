"""The paper's LCM-LoRA case study (arXiv 2606.05981, table XII): a LoRA towards the model's own many steps.

A warning with figures: the paper's LoRA halves the warping error and halves the sharpness with it.
Squared error at t = 1 asks for the mean of all plausible edits, so this is a smoothing prior, and a
warping error must never be reported without a sharpness beside it.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from ....engine.autoencoders.image import ImageAutoencoder
from ....engine.conditioning.mllm import MLLMEncoder
from ....engine.families.mllm_edit.denoiser import Denoiser
from ....engine.networks.lora import Lora, LoRALinear
from ....engine.sampling.flow_match import FlowMatchSchedule
from ...training.loop import LoopConfig, train
from ...training.package import SCHEDULER
from ...training.pairs import VARIANTS
from .unet import CaptionBank, encode_frames

SUFFIXES = (".to_q", ".to_k", ".to_v", ".to_out.0")


def new_lora(network: nn.Module, rank: int, generator: torch.Generator) -> Lora:
    """Put an untrained LoRA on every attention projection of a network, in place; it changes nothing yet.

    Args:
        rank: of the change, also its alpha.
        generator: draws A; B is zero.
    """
    hosts = {
        name: module
        for name, module in network.named_modules()
        if name.endswith(SUFFIXES) and isinstance(module, nn.Linear)
    }
    layers = {}
    for name, host in hosts.items():
        down = torch.randn(rank, host.in_features, generator=generator) / math.sqrt(host.in_features)
        layer = LoRALinear(host, (down, torch.zeros(host.out_features, rank)))
        for trained in layer.factors:
            trained.requires_grad_(True)
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, layer)
        layers[name] = layer
    return Lora(layers)


def train_lcm_lora(
    frames: np.ndarray,
    denoiser: Denoiser,
    autoencoder: ImageAutoencoder,
    encoder: MLLMEncoder,
    related: dict[str, tuple[str, ...]],
    folder: Path,
    config: LoopConfig,
    *,
    rank: int = 16,
    batch: int = 4,
    teacher_steps: int = 4,
    captions: int = 48,
) -> Lora:
    """Teach one step what ``teacher_steps`` steps of the same model give, unblended.

    Args:
        frames: uint8 RGB (N, H, W, 3), sources.
        denoiser: in float32; gets the LoRA, its own weights stay frozen.
        related: extra words for each style, see ``text.related_words``.
        captions: how many of each style are encoded to draw from.

    Returns:
        The LoRA; ``save_lora`` writes it.
    """
    generator = torch.Generator().manual_seed(config.seed)
    denoiser.requires_grad_(False)
    lora = new_lora(denoiser.unet, rank, generator)
    bank = CaptionBank.encode(encoder, frames[:, None], related, captions, config.seed)
    tokens = frames.shape[1] * frames.shape[2] // 8**2 // 4
    schedule = FlowMatchSchedule.from_config(SCHEDULER, teacher_steps, tokens)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        conditioning = bank.draw(rng.choice(len(VARIANTS), batch), rng)
        source = encode_frames(autoencoder, frames[rng.integers(len(frames), size=batch)])
        noise = torch.randn(source.shape, generator=generator)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                lora.turn(0.0)
                target = denoiser.sample(noise, source, conditioning, schedule)
            lora.turn(1.0)
            x0 = denoiser(noise, source, torch.ones(batch), conditioning).float()
        # at t = 1 an error of x0 is the same error of the velocity
        return {"loss": F.mse_loss(x0, target)}

    train(denoiser, loss, folder, config)
    return lora


def save_lora(path: Path, lora: Lora) -> None:
    """Write a LoRA in bfloat16 with PEFT's keys, as diffusers does."""
    tensors = {}
    for name, layer in lora.layers.items():
        for letter, factor in zip("AB", layer.factors, strict=True):
            tensors[f"unet.{name}.lora_{letter}.weight"] = factor.detach().to(torch.bfloat16).contiguous()
    save_file(tensors, path, {"format": "pt"})

"""Stage (a): the bidirectional teacher, by flow matching (arXiv 2210.02747) on paired clips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ....engine.networks.causal_wan import CausalWan
from ....engine.sampling.flow_match import renoise, warp
from ...training.loop import LoopConfig, train
from .batches import Batch, Batches
from .clip import denoise_clip, noise_like
from .recipe import Recipe


def train_teacher(
    batches: Batches,
    recipe: Recipe,
    folder: Path,
    config: LoopConfig,
    preview: Callable[[nn.Module, Path], None] | None = None,
    start: CausalWan | None = None,
) -> CausalWan:
    """Train from ``start``, from scratch without one, or from the state in ``folder``.

    All frames of a clip have one noise level, and all see all; text and reference are left out
    independently, so that one network serves either and can guide itself.
    """
    torch.manual_seed(config.seed)
    net = (start or CausalWan(recipe.network)).to(batches.device)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        batch = batches.draw(np.random.default_rng((config.seed, step)))
        with torch.autocast(batch.source.device.type, torch.bfloat16):
            error = flow_matching_error(net, batch.target, batch, recipe, generator)
        return {"loss": error}

    return train(net, loss, folder, config, preview)


def flow_matching_error(
    net: CausalWan, clean: torch.Tensor, batch: Batch, recipe: Recipe, generator: torch.Generator
) -> torch.Tensor:
    """Mean squared error of what the network predicts for clean clips (B, F, C, h, w) that were noised."""
    sigma = draw_sigmas(len(clean), recipe.noise_shift, generator).to(clean.device)
    level = sigma.view(-1, 1, 1, 1, 1)
    noisy = renoise(clean, noise_like(clean, generator), level)
    x0 = denoise_clip(net, noisy, sigma[:, None].expand(clean.shape[:2]), batch, recipe.prediction)
    away = x0 - clean if recipe.prediction == "x0" else (x0 - clean) / level
    return away.square().mean()


def draw_sigmas(count: int, shift: float, generator: torch.Generator, least: float = 0.02) -> torch.Tensor:
    """Noise levels (count,) as the warped training schedule spreads them, not below ``least``."""
    return warp(least + (1.0 - least) * torch.rand(count, generator=generator), shift)

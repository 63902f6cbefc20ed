"""What a stage makes of a few clips, as a picture beside the run's log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from ....engine.autoencoders.video import VideoAutoencoder
from ....engine.networks.causal_wan import CausalWan
from .batches import Batch, Batches
from .clip import noise_like, solve
from .ode import solver_sigmas
from .recipe import Recipe
from .self_forcing import roll_out

Show = Callable[[nn.Module, Path], None]
SEED, SOLVER_STEPS = 20_001, 4


def sheets(batches: Batches, recipe: Recipe, autoencoder: VideoAutoencoder) -> tuple[Show, Show, Show]:
    """Previews for the three stages: source, reference, target, and what is made, a row for each clip."""
    draws = (batches.draw(np.random.default_rng((SEED, place))) for place in range(99))
    batch = next(each for each in draws if each.references is not None)

    def noise() -> torch.Generator:
        return torch.Generator().manual_seed(SEED)

    @torch.no_grad()
    def teacher(net: nn.Module, path: Path) -> None:
        levels = solver_sigmas(recipe, SOLVER_STEPS)
        start = noise_like(batch.target, noise())
        made = solve(net, start, batch, recipe.prediction, levels, recipe.guidance)[-1]
        _write(path, batch, made, autoencoder)

    @torch.no_grad()
    def causal(net: nn.Module, path: Path) -> None:
        assert isinstance(net, CausalWan)
        _write(path, batch, roll_out(net, batch, recipe, recipe.schedule.steps - 1, noise()), autoencoder)

    def student(pair: nn.Module, path: Path) -> None:
        causal(pair.student, path)

    return teacher, causal, student


def _write(path: Path, batch: Batch, made: torch.Tensor, autoencoder: VideoAutoencoder) -> None:
    """The last frame of each clip."""
    rows = []
    for source, reference, target, output in zip(
        batch.source, batch.references, batch.target, made, strict=True
    ):
        clips = (source, reference, target, output)
        frames = [autoencoder.for_stream().decode_chunk(clip.cpu())[-1].numpy() for clip in clips]
        rows.append(np.concatenate(frames, axis=1))
    cv2.imwrite(str(path), np.concatenate(rows)[..., ::-1])

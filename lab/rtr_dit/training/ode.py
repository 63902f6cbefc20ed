"""Stage (b): a causal student that starts from the teacher's trajectories (CausVid, arXiv 2412.07772, 4.3).

The teacher solves its ODE from noise; the student learns to say, from a state on the way, where
the trajectory ends. Every block has a step of its own, and no block sees a later one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from tqdm import tqdm

from ....engine.networks.causal_wan import CausalWan, block_causal_mask
from ....engine.networks.causal_wan.config import PATCH
from ....engine.sampling.flow_match import warp
from ...training.loop import LoopConfig, train
from .batches import Batch, Batches
from .clip import denoise_clip, noise_like, solve
from .recipe import Recipe


@dataclass(frozen=True)
class Trajectories:
    """Batches of solved ODEs, a file each.

    Attributes:
        folder: file i holds (steps + 1, B, F, C, h, w) in float16: batch i at each of the student's
            noise levels, and where it ends.
        count: how many.
        seed: batch i was drawn by (seed, i).
    """

    folder: Path
    count: int
    seed: int

    def conditions(self, index: int, batches: Batches) -> Batch:
        """What batch ``index`` was solved under."""
        return batches.draw(np.random.default_rng((self.seed, index, 5)))

    def states(self, index: int) -> torch.Tensor:
        """Float32."""
        return torch.from_numpy(np.load(self.path(index))).float()

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.npy"


def solver_sigmas(recipe: Recipe, steps: int) -> tuple[float, ...]:
    """The solver's noise levels: ``steps`` of the warped schedule, and all of the student's."""
    own = {warp(1.0 - step / steps, recipe.shift) for step in range(steps)}
    return tuple(sorted(own | set(recipe.schedule.sigmas), reverse=True))


def record(
    teacher: CausalWan, batches: Batches, recipe: Recipe, folder: Path, count: int, steps: int, seed: int
) -> Trajectories:
    """Solve ``count`` batches in about ``steps`` steps each, into ``folder``; goes on where it stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    levels = solver_sigmas(recipe, steps)
    kept = [levels.index(sigma) for sigma in recipe.schedule.sigmas]
    trajectories = Trajectories(folder, count, seed)
    generator = torch.Generator()
    for index in tqdm(range(count), desc="trajectories"):
        if trajectories.path(index).exists():
            continue
        generator.manual_seed(seed * 1_000_003 + index)
        batch = trajectories.conditions(index, batches)
        noise = noise_like(batch.target, generator)
        with torch.autocast(noise.device.type, torch.bfloat16):
            solved = solve(teacher, noise, batch, recipe.prediction, levels, recipe.guidance)
        states = torch.stack([solved[place] for place in kept])
        np.save(trajectories.path(index), states.half().cpu().numpy())
    return trajectories


def train_causal(
    teacher: CausalWan,
    trajectories: Trajectories,
    batches: Batches,
    recipe: Recipe,
    folder: Path,
    config: LoopConfig,
    preview: Callable[[nn.Module, Path], None] | None = None,
) -> CausalWan:
    """A copy of the teacher that becomes causal and few-step by regression."""
    net = copy.deepcopy(teacher)
    sigmas = torch.tensor(recipe.schedule.sigmas)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        index = int(torch.randint(trajectories.count, (), generator=generator))
        batch = trajectories.conditions(index, batches)
        states = trajectories.states(index).to(batches.device)
        size, frames = states.shape[1:3]
        blocks = -(-frames // recipe.block)
        places = torch.randint(len(states) - 1, (size, blocks), generator=generator)
        places = places.repeat_interleave(recipe.block, dim=1)[:, :frames]
        with torch.autocast(states.device.type, torch.bfloat16):
            x0 = denoise_clip(
                net,
                states[places, torch.arange(size)[:, None], torch.arange(frames)[None]],
                sigmas[places].to(states),
                batch,
                recipe.prediction,
                causal_mask(recipe, batch),
            )
        return {"loss": F.mse_loss(x0, states[-1])}

    return train(net, loss, folder, config, preview)


def causal_mask(recipe: Recipe, batch: Batch) -> torch.Tensor:
    """References see references; frames see them, their own block and those before."""
    height, width = batch.source.shape[-2:]
    references = 0 if batch.references is None else batch.references.shape[1]
    tokens = (height // PATCH) * (width // PATCH)
    return block_causal_mask(batch.source.shape[1], recipe.block, tokens, references, batch.source.device)

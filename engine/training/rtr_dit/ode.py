"""Stage (b): a causal student that starts from the teacher's trajectories (CausVid, arXiv 2412.07772, 4.3).

The teacher solves its ODE from noise; the student learns to say, from a state on the way, where
the trajectory ends. Every block has a step of its own, and no block sees a later one.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from ...networks.causal_wan import CausalWan, block_causal_mask
from ...networks.causal_wan.config import PATCH
from ...sampling.flow_match import warp
from ..loop import LoopConfig, train
from .batches import Batch, Batches
from .clip import denoise_clip, noise_like, solve
from .recipe import Recipe


@dataclass(frozen=True)
class Trajectories:
    """Batches of solved ODEs.

    Attributes:
        states: (N, steps + 1, B, F, C, h, w), float16 on disk: a batch at each of the student's noise
            levels, and where it ends.
        seed: batch i was drawn by (seed, i).
    """

    states: np.ndarray
    seed: int

    def conditions(self, index: int, batches: Batches) -> Batch:
        """What batch ``index`` was solved under."""
        return batches.draw(np.random.default_rng((self.seed, index, 5)))


def solver_sigmas(recipe: Recipe, steps: int) -> tuple[float, ...]:
    """The solver's noise levels: ``steps`` of the warped schedule, and all of the student's."""
    own = {warp(1.0 - step / steps, recipe.shift) for step in range(steps)}
    return tuple(sorted(own | set(recipe.schedule.sigmas), reverse=True))


def record(
    teacher: CausalWan, batches: Batches, recipe: Recipe, path: Path, count: int, steps: int, seed: int
) -> Trajectories:
    """Solve ``count`` batches in about ``steps`` steps each, into ``path``; goes on where it stopped."""
    levels = solver_sigmas(recipe, steps)
    kept = [levels.index(sigma) for sigma in recipe.schedule.sigmas]
    side, frames, channels = batches.side, recipe.frames, recipe.network.out_channels
    shape = (count, len(kept), batches.size, frames, channels, side, side)
    known = path.exists() and np.load(path, mmap_mode="r").shape == shape
    states = (
        np.load(path, mmap_mode="r+") if known else np.lib.format.open_memmap(path, "w+", np.float16, shape)
    )
    trajectories = Trajectories(states, seed)
    generator = torch.Generator()
    for index in tqdm(range(count), desc="trajectories"):
        if np.any(states[index, 0, 0, 0]):
            continue
        generator.manual_seed(seed * 1_000_003 + index)
        batch = trajectories.conditions(index, batches)
        noise = noise_like(batch.target, generator)
        with torch.autocast(noise.device.type, torch.bfloat16):
            solved = solve(teacher, noise, batch, recipe.prediction, levels, recipe.guidance)
        states[index] = np.stack([solved[place].cpu().numpy() for place in kept])
    states.flush()
    return trajectories


def train_causal(
    teacher: CausalWan,
    trajectories: Trajectories,
    batches: Batches,
    recipe: Recipe,
    folder: Path,
    config: LoopConfig,
) -> CausalWan:
    """A copy of the teacher that becomes causal and few-step by regression."""
    net = copy.deepcopy(teacher)
    sigmas = torch.tensor(recipe.schedule.sigmas)
    blocks = -(-recipe.frames // recipe.block)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        index = int(torch.randint(len(trajectories.states), (), generator=generator))
        batch = trajectories.conditions(index, batches)
        states = torch.from_numpy(np.array(trajectories.states[index])).float().to(batches.device)
        places = torch.randint(len(states) - 1, (batches.size, blocks), generator=generator)
        places = places.repeat_interleave(recipe.block, dim=1)[:, : recipe.frames]
        clips = torch.arange(batches.size)[:, None]
        frames = torch.arange(recipe.frames)[None]
        with torch.autocast(states.device.type, torch.bfloat16):
            x0 = denoise_clip(
                net,
                states[places, clips, frames],
                sigmas[places].to(states),
                batch,
                recipe.prediction,
                causal_mask(recipe, batch),
            )
        return {"loss": F.mse_loss(x0, states[-1])}

    return train(net, loss, folder, config)


def causal_mask(recipe: Recipe, batch: Batch) -> torch.Tensor:
    """References see references; frames see them, their own block and those before."""
    height, width = batch.source.shape[-2:]
    references = 0 if batch.references is None else batch.references.shape[1]
    tokens = (height // PATCH) * (width // PATCH)
    return block_causal_mask(batch.source.shape[1], recipe.block, tokens, references, batch.source.device)

"""Stage (c): Self Forcing (arXiv 2506.08009) with distribution matching (DMD2, arXiv 2405.14867).

The student rolls out block by block as at inference: same schedule, same rolling cache, its own
frames as history. Two scores look at the whole clips that come out: the frozen teacher's (real)
and a critic's that keeps learning what the student makes (fake). Their difference is the gradient.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ....engine.cache.kv_cache import SegmentedKVCache
from ....engine.networks.causal_wan import CausalWan
from ....engine.sampling.block_pass import RolloutSettings
from ....engine.sampling.flow_match import FlowMatchSchedule, renoise
from ....engine.sampling.self_forcing import SelfForcingRollout
from ....engine.sampling.style_states import StyleStates
from ...autoencoders.discriminator import PatchDiscriminator
from ...training.loop import LoopConfig, build_optimisers, train
from .batches import Batch, Batches
from .bidirectional import draw_sigmas, flow_matching_error
from .clip import denoise_clip, guided, noise_like
from .perceptual_loss import PerceptualLoss
from .recipe import Recipe


@dataclass(frozen=True)
class SelfForcing:
    """How student and critic take turns.

    Attributes:
        critic_updates: of the critic for one of the student (Self Forcing: 5; a small critic keeps up with
            fewer).
        critic_rate: the critic's learning rate in shares of the student's (Self Forcing: 0.2).
        matching: weight of distribution matching; 0 leaves the critic out.
        regression: weight of the squared error to the paired target. DMD (arXiv 2311.18828) regresses
            too, by latents and by looks, and DMD2 drops it; a small critic needs it.
        looks: weight of the perceptual distance to that target.
        texture: length of a discriminator's gradient at the made latents, by that of all other terms; 0
            leaves it out. A squared error alone draws the mean of all strokes that could be there.
    """

    critic_updates: int = 2
    critic_rate: float = 0.2
    matching: float = 1.0
    regression: float = 0.5
    looks: float = 0.0
    texture: float = 0.0


PAIRED = SelfForcing(critic_updates=0, matching=0.0, regression=4.0, looks=0.3, texture=0.4)
"""Rollouts that only learn from the paired targets: what can be learnt before any critic is needed."""

MATCHED = SelfForcing(matching=0.25, regression=4.0, looks=0.3, texture=0.4)


class _Pair(nn.Module):
    def __init__(self, student: CausalWan, critic: CausalWan | None, texture: bool) -> None:
        super().__init__()
        self.student, self.critic = student, critic
        self.discriminator = PatchDiscriminator() if texture else None


def train_student(
    student: CausalWan,
    teacher: CausalWan,
    batches: Batches,
    recipe: Recipe,
    folder: Path,
    config: LoopConfig,
    turns: SelfForcing,
    looks: PerceptualLoss,
    preview: Callable[[nn.Module, Path], None] | None = None,
) -> CausalWan:
    """Train the causal student of stage (b); the result has its averaged weights.

    Step k updates the student if k is a multiple of ``critic_updates + 1``, else the critic.
    """
    teacher = teacher.eval().requires_grad_(False)
    critic = copy.deepcopy(teacher).requires_grad_(True) if turns.matching else None
    pair = _Pair(student.requires_grad_(True), critic, bool(turns.texture))
    optimisers = build_optimisers(list(student.parameters()), config)
    for optimiser in build_optimisers(list(critic.parameters()), config) if critic else ():
        for group in optimiser.param_groups:
            group["factor"] = turns.critic_rate
        optimisers.append(optimiser)
    if pair.discriminator is not None:
        optimisers.append(torch.optim.AdamW(pair.discriminator.parameters(), betas=(0.5, 0.95)))

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        batch = batches.draw(np.random.default_rng((config.seed, step)))
        exit_step = int(torch.randint(recipe.schedule.steps, (), generator=generator))
        with torch.autocast(batch.source.device.type, torch.bfloat16):
            if step % (turns.critic_updates + 1):
                with torch.no_grad():
                    made = roll_out(pair.student, batch, recipe, exit_step, generator)
                error = flow_matching_error(pair.critic, made, batch, recipe, generator)
                return {"loss": error, "critic": error.detach()}
            made = roll_out(pair.student, batch, recipe, exit_step, generator)
            seen = made.detach().requires_grad_()
            verdict = looks(seen, batch.target, pair.discriminator)
            missing = F.mse_loss(seen, batch.target)
            total = turns.regression * missing + turns.looks * verdict.apart
            terms = {"missing": missing.detach(), "apart": verdict.apart.detach()}
            if pair.critic is not None:
                matching = distribution_matching(seen, teacher, pair.critic, batch, recipe, generator)
                total = total + turns.matching * matching
                terms["matching"] = matching.detach()
            if verdict.found is not None:
                terms["mistaken"] = verdict.mistaken.detach()
        pull = _pull(seen, total, verdict.found, turns.texture)
        return {"loss": (made * pull).sum() + verdict.mistaken, **terms}

    return train(pair, loss, folder, config, preview, optimisers).student


def _pull(
    made: torch.Tensor, total: torch.Tensor, found: torch.Tensor | None, texture: float
) -> torch.Tensor:
    """Gradient at the made latents; the discriminator's share of it is as long as it is told to be."""
    (wanted,) = torch.autograd.grad(total, made, retain_graph=found is not None)
    if found is None:
        return wanted
    (painted,) = torch.autograd.grad(found, made)
    judged = painted.flatten(1).any(1)  # it looks at some clips of a batch
    return wanted + texture * wanted[judged].norm() / (painted.norm() + 1e-12) * painted


def roll_out(
    net: CausalWan, batch: Batch, recipe: Recipe, exit_step: int, generator: torch.Generator
) -> torch.Tensor:
    """Self Forcing's algorithm 1: clips (B, F, C, h, w) that the network makes from its own history.

    Every block is denoised up to ``exit_step``. Gradients flow through that last evaluation only, not
    through the steps before it, and not into the history, which the cache holds without them.
    """
    size, frames, channels, height, width = batch.target.shape
    references = 0 if batch.references is None else batch.references.shape[1]
    layout, device = recipe.cache_layout(height, width, references), batch.source.device
    cache = SegmentedKVCache(layout, batch=size, device=device)
    schedule = FlowMatchSchedule((*recipe.schedule.sigmas[: exit_step + 1], 0.0))
    rollout = SelfForcingRollout(net, cache, RolloutSettings(schedule, recipe.prediction))
    with torch.no_grad():
        style = rollout.project(StyleStates(batch.text, batch.references))
    rollout.take(replace(style, text=net.cross_attention_kv(batch.text)))
    made = []
    for first in range(0, frames, recipe.block):
        source = batch.source[:, first : first + recipe.block]

        def fresh(_: int, like: torch.Tensor = source) -> torch.Tensor:
            return noise_like(like, generator)

        made.append(rollout.step(fresh(0), fresh, source))
    return torch.cat(made, dim=1)


def distribution_matching(
    made: torch.Tensor,
    teacher: CausalWan,
    critic: CausalWan,
    batch: Batch,
    recipe: Recipe,
    generator: torch.Generator,
) -> torch.Tensor:
    """A loss whose gradient is DMD's (arXiv 2405.14867, eq. 2), scaled by the teacher's distance.

    The made clips are noised; teacher and critic each say what is clean in them. Where the critic
    sees more of something than the teacher, the student makes too much of it.
    """
    with torch.no_grad():
        sigma = draw_sigmas(len(made), recipe.noise_shift, generator).to(made.device)
        noisy = renoise(made, noise_like(made, generator), sigma.view(-1, 1, 1, 1, 1))
        levels = sigma[:, None].expand(made.shape[:2])
        real = guided(teacher, noisy, levels, batch, recipe.prediction, recipe.guidance)
        fake = denoise_clip(critic, noisy, levels, batch, recipe.prediction)
        scale = (made - real).abs().mean((1, 2, 3, 4), keepdim=True).clamp(min=1e-6)
        wanted = made - (fake - real) / scale
    return 0.5 * F.mse_loss(made, wanted)

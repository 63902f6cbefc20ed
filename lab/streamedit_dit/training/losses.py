"""What a step minimises: the error of denoising, and how much that error flickers (SCM)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ....engine.conditioning.states import TextStates
from ....engine.motion.warp import carry_tensor
from ....engine.networks.streamedit_dit.model import StreamEditDiT
from ....engine.sampling.flow_match import Prediction, to_velocity, x0_from_velocity
from .batches import Batch
from .buffer import Window

LEAST_SIGMA = 0.25
"""Below it errors of the picture count as there: a prompt that changed asks for other pictures, which
divided by a small sigma would drown everything else."""

LEAST_CHANGE = 0.1
"""Squared change, in deviations of the latents, below which an edit counts as this much of a change."""


def edit_weights(batch: Batch) -> torch.Tensor:
    """One over each clip's own squared change, (B, 1, 1, 1, 1): a recoloured circle counts like a style."""
    change = (batch.target - batch.source).square().mean((1, 2, 3, 4), keepdim=True)
    return 1.0 / (change + LEAST_CHANGE)


def velocity(
    net: StreamEditDiT, window: Window, source: torch.Tensor, prompt: TextStates, prediction: Prediction
) -> torch.Tensor:
    """The network's velocity of a window in float32, (B, F, C, h, w), whatever it predicts."""
    output = net(window.latents, window.sigma, source, prompt, references=min(window.history, 1))
    return to_velocity(window.latents, output.float(), window.sigma[:, :, None, None, None], prediction)


def picture_errors(
    net: StreamEditDiT, window: Window, batch: Batch, prompt: TextStates, prediction: Prediction
) -> torch.Tensor:
    """What the network sees as clean minus what is right, (B, F, C, h, w); 0 in the history."""
    sigma = window.sigma[:, :, None, None, None]
    flow = velocity(net, window, batch.source, prompt, prediction)
    errors = x0_from_velocity(window.latents, flow, sigma) - batch.target
    return torch.where(sigma > 0.0, errors, 0.0)


def denoising_loss(errors: torch.Tensor, window: Window, weights: torch.Tensor) -> torch.Tensor:
    """Flow matching's error of the frames under way: of a velocity, which is |x0 - data|^2 / sigma^2."""
    sigma = window.sigma.clamp(min=LEAST_SIGMA)[:, window.history :, None, None, None]
    return (weights * (errors[:, window.history :] / sigma).square()).mean()


def coherence_loss(
    errors: torch.Tensor, motion: torch.Tensor, history: int, weights: torch.Tensor
) -> torch.Tensor:
    """Streaming Coherence Matching's temporal term, motion compensated.

    The paper compares neighbouring predictions z_t and z_(t-1). Of their difference along the motion,
    that of the right result is no fault, so it is taken off: what is left is the difference of the errors.

    Args:
        errors: from ``picture_errors``, (B, F, C, h, w).
        motion: (B, F - 1, h, w, 3), see ``EditPool.motions``.
        history: K; pairs inside the history don't count.
    """
    first = max(1, history)
    if errors.shape[1] <= first:
        return errors.new_zeros(())
    now, before = errors[:, first:], errors[:, first - 1 : -1]
    flow, seen = motion[:, first - 1 :, ..., :2], motion[:, first - 1 :, None, ..., 2]
    moved = carry_tensor(before.flatten(0, 1), -flow.flatten(0, 1)).view_as(now)
    return (weights * seen * (now - moved).square()).mean() / seen.mean().clamp(min=1e-3)


def missing_share(errors: torch.Tensor, batch: Batch, history: int) -> torch.Tensor:
    """Squared error of the frames under way over the squared change that was asked for; for the log."""
    asked = (batch.target - batch.source)[:, history:]
    return F.mse_loss(errors[:, history:], torch.zeros_like(asked)) / asked.square().mean().clamp(min=1e-6)

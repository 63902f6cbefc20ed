"""Evaluates the transformer on a whole clip at once, references in front, with or without a causal mask."""

from __future__ import annotations

import torch

from ....engine.networks.causal_wan import CausalWan
from ....engine.sampling.flow_match import euler, velocity_from_x0, x0_from_velocity
from .batches import Batch


def noise_like(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Gaussian noise shaped like ``x``, drawn on the CPU: a seed means the same on every device."""
    return torch.randn(x.shape, generator=generator).to(x.device)


def denoise_clip(
    net: CausalWan,
    x: torch.Tensor,
    sigma: torch.Tensor,
    batch: Batch,
    prediction: str,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """The clean latents that the network sees in noisy ones.

    References are frames of their own before the clip: noise-free, with nothing in the source's
    channels, at the temporal positions before the first frame.

    Args:
        x: (B, F, C, h, w).
        sigma: (B, F), noise level of each frame.
        batch: source and conditions.
        prediction: ``"x0"`` or ``"velocity"``.
        mask: who sees whom, for references and frames together; None: all see all.

    Returns:
        x0 (B, F, C, h, w), float32.
    """
    frames, times, count = torch.cat([x, batch.source], dim=2), sigma * 1000.0, 0
    if batch.references is not None:
        count = batch.references.shape[1]
        stacked = torch.cat([batch.references, torch.zeros_like(batch.references)], dim=2)
        frames = torch.cat([stacked, frames], dim=1)
        times = torch.cat([times.new_zeros(len(x), count), times], dim=1)
    queries = net.rotation(range(frames.shape[1]), *x.shape[-2:])
    output = net(frames, times, net.cross_attention_kv(batch.text), queries, mask=mask)[:, count:].float()
    return output if prediction == "x0" else x0_from_velocity(x, output, sigma[..., None, None, None])


def guided(
    net: CausalWan, x: torch.Tensor, sigma: torch.Tensor, batch: Batch, prediction: str, guidance: float
) -> torch.Tensor:
    """``denoise_clip`` with classifier-free guidance over text and reference together (the source stays)."""
    x0 = denoise_clip(net, x, sigma, batch, prediction)
    if guidance == 1.0:
        return x0
    plain = denoise_clip(net, x, sigma, batch.without_conditions(), prediction)
    return plain + guidance * (x0 - plain)


@torch.no_grad()
def solve(
    net: CausalWan,
    noise: torch.Tensor,
    batch: Batch,
    prediction: str,
    sigmas: tuple[float, ...],
    guidance: float = 1.0,
) -> list[torch.Tensor]:
    """The probability-flow ODE by Euler steps: the state at each of ``sigmas``, the last of which is 0."""
    states = [noise]
    for sigma, following in zip(sigmas, sigmas[1:], strict=False):
        level = noise.new_full(noise.shape[:2], sigma)
        x0 = guided(net, states[-1], level, batch, prediction, guidance)
        velocity = velocity_from_x0(states[-1], x0, sigma)
        states.append(euler(states[-1], velocity, sigma, following))
    return states

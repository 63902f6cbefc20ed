"""Buffered flow matching with mixed partition schemes (arXiv 2507.03745, sections 3.1 and 3.2).

Ordinary flow matching draws one noise level for a clip. Here every chunk of the buffer draws its
own, from its own segment (Eq. 8), so that the network learns exactly the states that the moving
buffer will show it. Chunk sizes are mixed; the largest, the whole buffer, is ordinary text-to-video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from ....engine.conditioning.states import TextStates
from ....engine.networks.stream_dit.model import StreamDiT
from ....engine.sampling.flow_match import renoise, warp
from ....engine.sampling.partition import Partition
from .latents import WorldBatch


@dataclass(frozen=True)
class Mixture:
    """What is mixed.

    Attributes:
        buffer: B, latent frames.
        chunk_sizes: the c that are drawn from, each a divisor of B; N = B / c.
        partial: share of the batches that see only the clean or only the noisy end of the buffer, as
            while it fills and empties, or truncated for video to video.
        unconditional: share of the clips whose prompt is withheld, for guidance.
        shift: of the levels, see ``Partition``.
        steadiness: weight of the error's change from frame to frame. It asks for nothing that the error
            itself does not, but a shape that changes while it moves is little of that, and all of this.
        knee: sigma below which the error of the data counts instead of that of the velocity, which
            would weigh a nearly clean frame's error by 1 / sigma^2 (min-SNR weighting, arXiv 2303.09556);
            0 is plain flow matching.
    """

    buffer: int = 16
    chunk_sizes: tuple[int, ...] = (1, 2, 4, 8, 16)
    partial: float = 0.2
    unconditional: float = 0.1
    knee: float = 0.3
    shift: float = 1.0
    steadiness: float = 1.0


def draw_sigmas(partition: Partition, rng: np.random.Generator) -> np.ndarray:
    """Eq. 8: chunk i of N draws one level from U((i - 1)/N, i/N), shared by its c frames; its sigma."""
    levels = (np.arange(partition.chunks) + rng.random(partition.chunks)) / partition.chunks
    return np.repeat(warp(levels, partition.shift), partition.frames)


def draw_batch_sigmas(mixture: Mixture, batch: int, rng: np.random.Generator) -> torch.Tensor:
    """Levels of ``batch`` buffers, each in a layout of its own, float32 (batch, buffer)."""
    rows = []
    for size in rng.choice(mixture.chunk_sizes, size=batch):
        layout = Partition(mixture.buffer // int(size), int(size), shift=mixture.shift)
        rows.append(draw_sigmas(layout, rng))
    return torch.from_numpy(np.stack(rows)).float()


def draw_part(mixture: Mixture, rng: np.random.Generator) -> slice:
    """Which frames of the buffer a batch of whole clips sees: mostly all, else a clean or a noisy end."""
    if rng.random() >= mixture.partial:
        return slice(0, mixture.buffer)
    length = int(rng.integers(1, mixture.buffer))
    return slice(0, length) if rng.random() < 0.5 else slice(mixture.buffer - length, mixture.buffer)


def draw_stretches(sigmas: torch.Tensor, frames: int, rng: np.random.Generator) -> torch.Tensor:
    """The levels of ``frames`` neighbours anywhere in each buffer of (batch, buffer): (batch, frames).

    Each clip has a stretch of its own: were it the batch's, a step of single frames would teach one level.
    """
    starts = torch.from_numpy(rng.integers(sigmas.shape[1] - frames + 1, size=len(sigmas)))
    return sigmas.gather(1, starts[:, None] + torch.arange(frames))


def flow_matching_loss(
    model: StreamDiT,
    batch: WorldBatch,
    text: dict[str, TextStates],
    mixture: Mixture,
    rng: np.random.Generator,
    generator: torch.Generator,
    objects: float = 1.0,
) -> torch.Tensor:
    """E || u(x_sigma, prompt, sigma) - (noise - data) ||^2 with a level for each chunk.

    Args:
        batch: clips of at most ``mixture.buffer`` frames.
        text: the encoders' states of their prompts.
        rng: draws layouts and levels. generator: draws the noise.
        objects: weight of the error where objects are, by that elsewhere.
    """
    data, shown = batch.latents, batch.objects
    sigma = draw_batch_sigmas(mixture, len(data), rng)
    if data.shape[1] < mixture.buffer:
        sigma = draw_stretches(sigma, data.shape[1], rng)
    else:
        part = draw_part(mixture, rng)
        sigma, data, shown = sigma[:, part], data[:, part], shown[:, part]
    sigma = sigma.to(data.device)
    noise = torch.randn(data.shape, generator=generator).to(data)
    noisy = renoise(data, noise, sigma[:, :, None, None, None])
    said = rng.random(len(data)) >= mixture.unconditional
    velocity = model(noisy, sigma, model.read_text(withhold(text, said), len(data)))
    places = 1.0 + (objects - 1.0) * shown.to(data)
    places = places / places.mean()
    error = weighted_error(velocity, noise - data, sigma, mixture.knee, places)
    if data.shape[1] == 1:
        return error
    return error + mixture.steadiness * change_of_error(velocity, noise - data, sigma, places)


def change_of_error(
    velocity: torch.Tensor, target: torch.Tensor, sigma: torch.Tensor, places: torch.Tensor
) -> torch.Tensor:
    """Mean square of the change of the data's error from a frame to the next; see ``weighted_error``."""
    errors = sigma[:, :, None, None, None] * (velocity.float() - target)
    return ((errors[:, 1:] - errors[:, :-1]).square().mean(2) * places[:, 1:]).mean()


def weighted_error(
    velocity: torch.Tensor,
    target: torch.Tensor,
    sigma: torch.Tensor,
    knee: float,
    places: torch.Tensor | float = 1.0,
) -> torch.Tensor:
    """Mean squared error (batch, F, C, h, w), falling with sigma^2 below ``knee``; see ``Mixture``.

    Args:
        places: weight of each position, (batch, F, h, w).
    """
    weight = (sigma / knee).clamp(max=1.0).square() if knee else torch.ones_like(sigma)
    errors = F.mse_loss(velocity.float(), target, reduction="none").mean(2)
    return (weight[:, :, None, None] * errors * places).mean()


def withhold(text: dict[str, TextStates], said: Sequence[bool] | np.ndarray) -> dict[str, TextStates]:
    """The same states with the prompts that are not ``said`` masked out; only the null token is left."""
    return {
        name: TextStates(
            states.states, states.said & torch.as_tensor(said, device=states.said.device)[:, None]
        )
        for name, states in text.items()
    }

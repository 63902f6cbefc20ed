"""The paper's Table 3: which chunk sizes to mix in training, sampled at c = 1.

The paper scores VBench quality; the world can be measured, so ours are the detector's attribute
shares, and the denoising error on clips that training never drew, which tells short trainings apart
long before their films do. Every mixture is trained with several seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np
import torch

from ....engine.conditioning.ensemble import TextEnsemble
from ....engine.networks.stream_dit.model import StreamDiT
from ....engine.sampling.flow_match import renoise
from ....engine.sampling.partition import Partition
from .buffered_flow_matching import draw_sigmas
from .latents import WorldBatches

MIXTURES = ((1,), (1, 2), (1, 2, 4), (1, 2, 4, 8), (1, 2, 4, 8, 16))
"""The rows of Table 3."""

PAPER = (0.8129, 0.8100, 0.8080, 0.8076, 0.8144)
"""VBench quality of each row in the paper."""

T_QUANTILES = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""Student's t for a 95 % interval, by the number of seeds."""


@torch.inference_mode()
def denoising_error(
    model: StreamDiT, data: WorldBatches, text: TextEnsemble, partition: Partition, batches: int, seed: int
) -> float:
    """Mean squared error of the data that the network sees in the noise, at a partition's own levels.

    Args:
        data: clips that training never drew. seed: the same clips, levels and noise for every network.
    """
    rng, generator = np.random.default_rng((seed, 3)), torch.Generator().manual_seed(seed)
    errors = []
    for _ in range(batches):
        batch = data.draw(16, partition.length, rng)
        clips = batch.latents
        sigma = torch.from_numpy(np.stack([draw_sigmas(partition, rng) for _ in clips])).float()
        noise = torch.randn(clips.shape, generator=generator)
        noisy = renoise(clips, noise, sigma[:, :, None, None, None])
        velocity = model(noisy, sigma, model.read_text(text.encode(batch.prompts), len(clips))).float()
        wrong = (velocity - (noise - clips)).square().mean((2, 3, 4))
        errors.append(float((sigma.square() * wrong).mean()))
    return mean(errors)


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and half the width of its 95 % interval."""

    mean: float
    half: float


def interval(values: Sequence[float]) -> Interval:
    """Student's interval of 2 to 5 values."""
    half = T_QUANTILES[len(values)] * stdev(values) / len(values) ** 0.5
    return Interval(mean(values), half)


def table(figures: dict[tuple[int, ...], list[dict[str, float]]]) -> list[dict]:
    """Rows of Table 3.

    Args:
        figures: of each mixture, one dict of measures for each seed.
    """
    rows = []
    for mixture, paper in zip(MIXTURES, PAPER, strict=True):
        seeds = figures[mixture]
        measures = {key: interval([row[key] for row in seeds]) for key in seeds[0]}
        rows.append(
            {
                "chunk_sizes": list(mixture),
                "paper_quality": paper,
                "seeds": len(seeds),
                **{key: {"mean": value.mean, "half": value.half} for key, value in measures.items()},
            }
        )
    return rows

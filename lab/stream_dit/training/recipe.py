"""The stages on the shared training loop."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ....engine.conditioning.ensemble import TextEnsemble
from ....engine.networks.stream_dit.model import StreamDiT
from ...training.loop import LoopConfig, train
from .buffered_flow_matching import Mixture, flow_matching_loss
from .distillation import Distillation, distillation_loss
from .latents import WorldBatches


@dataclass(frozen=True)
class Stage:
    """One stage of buffered flow matching.

    Attributes:
        name: of its folder.
        frames: latent frames of a clip. Stretches of the buffer, or single frames of it, cost a share, so
            that a network can read four or sixteen times the prompts before it sees whole buffers.
        batch: clips of a step.
    """

    name: str
    loop: LoopConfig
    frames: int
    batch: int


def train_teacher(
    model: StreamDiT,
    data: WorldBatches,
    text: TextEnsemble,
    folder: Path,
    stages: tuple[Stage, ...],
    mixture: Mixture,
) -> StreamDiT:
    """Buffered flow matching, stage after stage; each resumes, and keeps state and log in ``folder``."""
    for stage in stages:
        whole = stage.frames == mixture.buffer
        drawn = data if whole else replace(data, cuts=0.0)  # a stretch may miss the scene that is described

        def loss(
            step: int, generator: torch.Generator, stage: Stage = stage, drawn: WorldBatches = drawn
        ) -> dict[str, torch.Tensor]:
            rng = np.random.default_rng((stage.loop.seed, step, stage.frames))
            clips, prompts = drawn.draw(stage.batch, stage.frames, rng)
            with _fast():
                with torch.no_grad():
                    states = text.encode(prompts)
                return {"loss": flow_matching_loss(model, clips, states, mixture, rng, generator)}

        train(model, loss, folder / stage.name, stage.loop)
    return model


def distil(
    teacher: StreamDiT,
    data: WorldBatches,
    text: TextEnsemble,
    folder: Path,
    config: LoopConfig,
    distillation: Distillation,
    batch: int = 8,
) -> StreamDiT:
    """Multistep distillation; the student starts as a copy of the teacher."""
    teacher = teacher.requires_grad_(False).eval()
    student = copy.deepcopy(teacher).requires_grad_(True)
    buffer = distillation.partitions[0].length

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step, 1))
        clips, prompts = data.draw(batch, buffer, rng)
        with _fast():
            with torch.no_grad():
                states = text.encode(prompts)
            return {"loss": distillation_loss(student, teacher, clips, states, distillation, rng, generator)}

    return train(student, loss, folder, config)


@contextlib.contextmanager
def _fast() -> Iterator[None]:
    """Mixed precision, and attention as plain products: on a CPU the fused one goes back slowly."""
    with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        yield

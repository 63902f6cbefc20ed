"""The two stages on the shared training loop."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch

from ...conditioning.ensemble import TextEnsemble
from ...networks.stream_dit.config import StreamDiTConfig
from ...networks.stream_dit.model import StreamDiT
from ..loop import LoopConfig, train
from .buffered_flow_matching import Mixture, flow_matching_loss
from .distillation import Distillation, distillation_loss
from .latents import WorldBatches


def train_teacher(
    network: StreamDiTConfig,
    data: WorldBatches,
    text: TextEnsemble,
    folder: Path,
    config: LoopConfig,
    mixture: Mixture,
    batch: int = 16,
) -> StreamDiT:
    """Buffered flow matching from random weights; state and log go to ``folder``."""
    torch.manual_seed(config.seed)
    model = StreamDiT(network)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        clips, prompts = data.draw(batch, mixture.buffer, rng)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                states = text.encode(prompts)
            return {"loss": flow_matching_loss(model, clips, states, mixture, rng, generator)}

    return train(model, loss, folder, config)


def distil(
    teacher: StreamDiT,
    data: WorldBatches,
    text: TextEnsemble,
    folder: Path,
    config: LoopConfig,
    distillation: Distillation,
    batch: int = 16,
) -> StreamDiT:
    """Multistep distillation; the student starts as a copy of the teacher."""
    teacher = teacher.requires_grad_(False).eval()
    student = copy.deepcopy(teacher).requires_grad_(True)
    buffer = distillation.partitions[0].length

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step, 1))
        clips, prompts = data.draw(batch, buffer, rng)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                states = text.encode(prompts)
            return {"loss": distillation_loss(student, teacher, clips, states, distillation, rng, generator)}

    return train(student, loss, folder, config)

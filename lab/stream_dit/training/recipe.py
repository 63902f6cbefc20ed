"""The stages on the shared training loop."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch.nn.attention import SDPBackend, sdpa_kernel

from ....engine.conditioning.ensemble import TextEnsemble
from ....engine.conditioning.states import TextStates
from ....engine.families.checkpoint_folder import WEIGHTS
from ....engine.networks.stream_dit.model import StreamDiT
from ...training.drawing import Drawing
from ...training.loop import LoopConfig, train
from ...training.profile import part
from .buffered_flow_matching import Mixture, flow_matching_loss
from .distillation import Distillation, distillation_loss
from .latents import WorldBatch, WorldBatches


@dataclass(frozen=True)
class Stage:
    """One stage of buffered flow matching.

    Attributes:
        name: of its folder.
        data: what it draws from.
        frames: latent frames of a clip. Stretches of the buffer, or single frames of it, cost a share, so
            that a network can read four or sixteen times the prompts before it sees whole buffers.
        batch: clips of a step.
        objects: weight of the error where objects are, by that elsewhere; it falls to 1 as the rate cools
            down, because it smears backgrounds.
    """

    name: str
    data: WorldBatches
    loop: LoopConfig
    frames: int
    batch: int
    objects: float = 1.0


def begin_with(model: StreamDiT, checkpoint: Path) -> None:
    """Take over a checkpoint's weights; ``local`` mixing that it lacks begins at nothing.

    Raises:
        ValueError: its network is another one.
    """
    missing, unexpected = model.load_state_dict(load_file(checkpoint / WEIGHTS), strict=False)
    if unexpected or not all(name.startswith("local.") for name in missing):
        raise ValueError(f"{checkpoint.name} holds another network: leave --begin-with out.")


def compile_blocks(model: StreamDiT) -> None:
    """``torch.compile`` of each block, in place: all are alike, so one compilation serves them."""
    for block in model.blocks:
        block.compile()


def train_teacher(
    model: StreamDiT,
    text: TextEnsemble,
    folder: Path,
    stages: tuple[Stage, ...],
    mixture: Mixture,
    workers: int = 0,
) -> StreamDiT:
    """Buffered flow matching, stage after stage; each resumes, and keeps state and log in ``folder``."""
    for stage in stages:
        _train_stage(model, text, folder / stage.name, stage, mixture, workers)
    return model


def _train_stage(
    model: StreamDiT, text: TextEnsemble, folder: Path, stage: Stage, mixture: Mixture, workers: int
) -> None:
    device, seed = model.place[0], stage.loop.seed
    data = stage.data
    if stage.frames < mixture.buffer:
        data = replace(data, cuts=0.0)  # a stretch may miss the scene that is described

    def draw(step: int) -> WorldBatch:
        return data.draw(stage.batch, stage.frames, np.random.default_rng((seed, step, stage.frames)))

    drawing = Drawing(draw, stage.loop.steps, workers)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        batch = drawing(step).to(device)
        rng = np.random.default_rng((seed, step, stage.frames, 1))
        weight = 1.0 + (stage.objects - 1.0) * stage.loop.rate(step) / stage.loop.learning_rate
        with _fast(device):
            states = _read(text, batch.prompts)
            return {"loss": flow_matching_loss(model, batch, states, mixture, rng, generator, weight)}

    train(model, loss, folder, stage.loop)


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
    student = StreamDiT(teacher.config).to(teacher.place[0])
    student.load_state_dict(teacher.state_dict())
    buffer, device = distillation.partitions[0].length, teacher.place[0]

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step, 1))
        with part("data"):
            drawn = data.draw(batch, buffer, rng).to(device)
        with _fast(device):
            states = _read(text, drawn.prompts)
            args = (drawn.latents, states, distillation, rng, generator)
            return {"loss": distillation_loss(student, teacher, *args)}

    return train(student, loss, folder, config)


@torch.no_grad()
def _read(text: TextEnsemble, prompts: list[str]) -> dict[str, TextStates]:
    """The prompts' states, padded to a multiple of 16 tokens, so that compiled blocks see few lengths."""
    with part("text"):
        padded = {}
        for name, read in text.encode(prompts).items():
            more = -read.states.shape[1] % 16
            padded[name] = TextStates(F.pad(read.states, (0, 0, 0, more)), F.pad(read.said, (0, more)))
        return padded


@contextlib.contextmanager
def _fast(device: torch.device) -> Iterator[None]:
    """Mixed precision; on a CPU attention as plain products, because the fused one goes back slowly."""
    plain = sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else contextlib.nullcontext()
    with torch.autocast(device.type, torch.bfloat16), plain:
        yield

"""Hierarchical progressive distillation (section 4.3): 100 steps to 20 (macro), 20 to 6 (micro).

In each round a student starts as its teacher's copy and learns to go in one evaluation where the teacher
goes in several Euler steps; the loss is the squared error between the two (Eq. 6). The window keeps
its history; nothing is guided, so neither is what the student learns.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ....engine.conditioning.ensemble import TextEncoder
from ....engine.conditioning.states import TextStates
from ....engine.networks.streamedit_dit.model import StreamEditDiT
from ....engine.sampling.edit_stream import DIAGONAL, PIPELINED, SEQUENTIAL
from ....engine.sampling.flow_match import Prediction
from ....engine.sampling.partition import Partition
from ...stream_dit.training.distillation import draw_segment
from ...training.loop import LoopConfig, train
from .batches import EditBatches
from .buffer import Layout, Window, fill, fit
from .losses import edit_weights, velocity
from .stages import Preview, read


@dataclass(frozen=True)
class Round:
    """One round of the hierarchy.

    Attributes:
        layouts: how the student's evaluations are spread over the frames under way.
        teacher_steps: the teacher's Euler steps within one of the student's.
        windows: sizes of the window that are drawn from, in latent frames.
        cells: latent positions in a batch, about.
        prediction: what the networks' outputs mean.
    """

    layouts: tuple[Partition, ...]
    teacher_steps: int
    windows: tuple[int, ...] = (4, 8)
    cells: int = 16 * 16 * 16
    prediction: Prediction = "velocity"

    def draw(self, rng: np.random.Generator) -> tuple[Layout, float]:
        """A window before one of the student's evaluations, and the sigma that it crosses."""
        layout = self.layouts[int(rng.integers(len(self.layouts)))]
        history = max(0, int(rng.choice(self.windows)) - layout.length)
        return Layout(history, draw_segment(layout, rng)[0]), 1.0 / layout.levels


MACRO = Round((Partition(3, 1, 7), Partition(1, 1, 20), Partition(6, 1, 3)), teacher_steps=5)
"""About 20 evaluations of a frame (21, 20, 18), each of which stands for five of the teacher's."""

MICRO = Round((PIPELINED, SEQUENTIAL, DIAGONAL), teacher_steps=4)
"""Six evaluations; the teacher takes 24, not fewer than the 20 it was distilled to."""


def distil(
    teacher: StreamEditDiT,
    batches: EditBatches,
    text: TextEncoder,
    plan: Round,
    folder: Path,
    config: LoopConfig,
    preview: Preview | None = None,
) -> StreamEditDiT:
    """One round; the student is returned, the teacher stays as it is."""
    teacher = teacher.requires_grad_(False).eval()
    student = copy.deepcopy(teacher).requires_grad_(True).train()

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step, 1))
        wanted, width = plan.draw(rng)
        batch = batches.draw(wanted.frames, plan.cells, rng)
        window = fill(batch, fit(wanted, batch.source.shape[1]), generator)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                prompt = read(teacher, text, batch.prompts)
                right = mean_velocity(teacher, window, batch.source, prompt, width, plan)
            prompt = read(student, text, batch.prompts)
            flow = velocity(student, window, batch.source, prompt, plan.prediction)
        apart = (flow - right)[:, window.history :]
        return {"loss": (edit_weights(batch) * apart.square()).mean(), "apart": apart.detach().abs().mean()}

    return train(student, loss, folder, config, preview)


def mean_velocity(
    teacher: StreamEditDiT,
    start: Window,
    source: torch.Tensor,
    prompt: TextStates,
    width: float,
    plan: Round,
) -> torch.Tensor:
    """The straight way to where the teacher is after ``width`` of sigma, (B, F, C, h, w)."""
    under_way = start.sigma > 0.0
    part = torch.where(under_way, width / plan.teacher_steps, 0.0)
    now = start
    for _ in range(plan.teacher_steps):
        flow = velocity(teacher, now, source, prompt, plan.prediction)
        now = Window(now.latents - part[:, :, None, None, None] * flow, now.sigma - part, now.history)
    return (start.latents - now.latents) / width

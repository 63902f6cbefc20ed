"""Multistep distillation (arXiv 2507.03745, section 3.4): s guided steps of the teacher become one.

The way from noise to picture is cut into T equal levels. Within each, the teacher takes s Euler
steps of the whole buffer with classifier-free guidance; the student learns to get there in one
evaluation without it. A traversal of the buffer then costs N evaluations, an emitted chunk one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ....engine.conditioning.states import TextStates
from ....engine.networks.stream_dit.model import StreamDiT
from ....engine.sampling.flow_match import renoise
from ....engine.sampling.partition import Partition
from .buffered_flow_matching import weighted_error


@dataclass(frozen=True)
class Distillation:
    """What is distilled.

    Attributes:
        partitions: layouts that the student is to run; all have the same number of levels T.
        teacher_steps: s of the teacher within one level (16 in the paper).
        guidance: weight w in u = u_null + w (u_prompt - u_null).
        knee: as in ``Mixture``.
    """

    partitions: tuple[Partition, ...]
    teacher_steps: int = 4
    guidance: float = 3.0
    knee: float = 0.3


def draw_segment(partition: Partition, rng: np.random.Generator) -> np.ndarray:
    """The sigmas of a buffer before and after one of the student's evaluations, (2, buffer)."""
    micro_step = int(rng.integers(partition.micro_steps))
    ends = (micro_step, micro_step + 1)
    return np.array([[partition.sigma(slot, end) for slot in range(partition.length)] for end in ends])


@torch.no_grad()
def teacher_segment(
    teacher: StreamDiT,
    start: torch.Tensor,
    sigma: torch.Tensor,
    width: torch.Tensor,
    prompt: TextStates,
    null: TextStates,
    config: Distillation,
) -> torch.Tensor:
    """Where the guided teacher is after a level: every frame moves from sigma to sigma - width.

    Args:
        start: latents (batch, F, C, h, w) at ``sigma``, (batch, F) as ``width``.
    """
    x, step = start, width / config.teacher_steps
    for index in range(config.teacher_steps):
        now = sigma - index * step
        conditional, unconditional = teacher(x, now, prompt).float(), teacher(x, now, null).float()
        guided = unconditional + config.guidance * (conditional - unconditional)
        x = x - step[:, :, None, None, None] * guided
    return x


def distillation_loss(
    student: StreamDiT,
    teacher: StreamDiT,
    clips: torch.Tensor,
    text: dict[str, TextStates],
    config: Distillation,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> torch.Tensor:
    """Squared error between the student's velocity and the teacher's mean velocity over the level.

    Args:
        clips: normalised latents (batch, buffer, C, h, w), noised to the start of a level.
    """
    batch = len(clips)
    rows = [draw_segment(config.partitions[int(rng.integers(len(config.partitions)))], rng) for _ in clips]
    sigma, target = torch.from_numpy(np.stack(rows, axis=1)).to(clips)
    width = sigma - target
    noise = torch.randn(clips.shape, generator=generator).to(clips)
    start = renoise(clips, noise, sigma[:, :, None, None, None])
    with torch.no_grad():
        prompt, null = teacher.read_text(text, batch), teacher.read_text({}, batch)
    end = teacher_segment(teacher, start, sigma, width, prompt, null, config)
    velocity = student(start, sigma, student.read_text(text, batch))
    return weighted_error(velocity, (start - end) / width[:, :, None, None, None], sigma, config.knee)

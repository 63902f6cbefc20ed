"""The few-step student beside the bidirectional teacher that it was distilled from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from ....engine.families.rtr_dit.styles import reference_latents
from ....engine.networks.causal_wan import CausalWan
from ....engine.sampling.few_step import few_step_schedule
from ...metrics.change import psnr, squared_error
from ..training.batches import Batch
from ..training.clip import noise_like, solve
from .candidates import Candidate
from .study import Study, by_reference


def teacher_report(
    study: Study, candidates: Sequence[Candidate], state: Path, steps: int = 8, guidance: float = 1.0
) -> dict[str, Any]:
    """``student_minus_teacher_db``: PSNR to the painted clip, the student's minus the teacher's.

    Args:
        state: ``state.safetensors`` of the teacher's training run.
        steps, guidance: of the teacher's sampler.
    """
    teacher = _averaged(state, study.model.net)
    rows = []
    for clip in study.clips:
        for candidate in [each for each in candidates if each.judged and "+" not in each.name]:
            target = study.through(candidate.painted(clip.pixels))
            student = study.restyle(clip.pixels, by_reference(candidate.picture))
            solved = _solve(study, teacher, clip.pixels, candidate, steps, guidance)
            rows.append([psnr(squared_error(each, target)) for each in (student, solved)])
    student_db, teacher_db = (fmean(column) for column in zip(*rows, strict=True))
    return {
        "student_psnr_db": student_db,
        "teacher_psnr_db": teacher_db,
        "student_minus_teacher_db": student_db - teacher_db,
    }


def _averaged(state: Path, like: CausalWan) -> CausalWan:
    """The averaged weights of a training run."""
    tensors = load_file(state)
    net = CausalWan(like.config)
    net.load_state_dict({name: tensors[f"average/{name}"] for name in net.state_dict()})
    return net.to(like.device, like.dtype).eval().requires_grad_(False)


@torch.inference_mode()
def _solve(
    study: Study, teacher: CausalWan, frames: np.ndarray, candidate: Candidate, steps: int, guidance: float
) -> np.ndarray:
    """The whole clip at once, uint8 like the frames."""
    autoencoder, profile = study.model.autoencoder.for_stream(), study.model.profile
    source = autoencoder.encode_chunk(torch.from_numpy(frames))[None]
    height, width = frames.shape[1:3]
    references = reference_latents(by_reference(candidate.picture), autoencoder, width, height)
    text = source.new_zeros(1, profile.text_length, teacher.config.text_dim)
    batch = Batch(source, source, text, references)
    levels = few_step_schedule([1000.0 * (1 - step / steps) for step in range(steps)], profile.shift).sigmas
    noise = noise_like(source.float(), torch.Generator().manual_seed(study.seed))
    with torch.autocast(source.device.type, torch.bfloat16):
        made = solve(teacher, noise, batch, profile.prediction, levels, guidance)[-1]
    return autoencoder.decode_chunk(made[0])[: len(frames)].cpu().numpy()

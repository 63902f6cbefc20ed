"""What each part costs on its own (text encoder, autoencoder, U-Net), and each lane run alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ....engine.families.base import Chunk, Runner
from ....engine.families.mllm_edit.runner import MLLMEditRunner
from ....engine.media.types import Frames

PARTS = ("text_encoder", "vae_encode", "unet", "vae_decode")


def synchronise(device: torch.device) -> None:
    """Wait until a CUDA device is idle; a CPU always is."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(work: Callable[[], Any], device: torch.device, repeats: int = 3) -> float:
    """The median of ``repeats`` runs after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        synchronise(device)
        started = time.perf_counter()
        work()
        synchronise(device)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def chunk_of(frames: np.ndarray, index: int, count: int, live: dict[str, Any]) -> Chunk:
    """Chunk ``index`` of a clip in memory, uint8 (N, H, W, 3)."""
    part = frames[index * count : (index + 1) * count]
    return Chunk(
        index, Frames(part, index * count, (Fraction(0),) * len(part)), len(part), index * count, live
    )


def live_values(runner: Runner) -> dict[str, Any]:
    """What the widgets say at the start."""
    return {parameter.key: parameter.default for parameter in runner.live_parameters}


@torch.inference_mode()
def part_seconds(
    runner: MLLMEditRunner, frames: np.ndarray, prompt: str, repeats: int = 3
) -> dict[str, float]:
    """Seconds for one chunk in each of ``PARTS``, nothing else running.

    Args:
        runner: with or without adapters, whose share is in the U-Net's.
        frames: one chunk, uint8 (B, H, W, 3).
    """
    model, device, live = runner.model, runner.denoiser.unet.device, live_values(runner)
    pictures = torch.from_numpy(frames)
    encoded = runner.encode(chunk_of(frames, 0, len(frames), live))
    denoised = runner.denoise(encoded, live)
    work = {
        "text_encoder": lambda: model.encoder.encode(prompt, pictures),
        "vae_encode": lambda: model.autoencoder.encode_chunk(pictures),
        "unet": lambda: runner.denoise(encoded, live),
        "vae_decode": lambda: runner.decode(denoised),
    }
    return {part: seconds(work[part], device, repeats) for part in PARTS}


@torch.inference_mode()
def lane_seconds(runner: Runner, frames: np.ndarray, device: torch.device) -> dict[str, float]:
    """Seconds that each lane needs for a whole clip when it runs alone, one stage after the other.

    Args:
        runner: without adapters, whose refresh would need the stages in turn.
        frames: whole chunks, uint8 (N, H, W, 3).
    """
    count, live = runner.requirements.chunk_frames, live_values(runner)
    chunks = [chunk_of(frames, index, count, live) for index in range(len(frames) // count)]
    runner.decode(runner.denoise(runner.encode(chunks[0]), live))
    runner.reset()
    kept: dict[str, list[Any]] = {}
    spent = {}
    for lane, work in (
        ("encode", lambda: [runner.encode(chunk) for chunk in chunks]),
        ("denoise", lambda: [runner.denoise(encoded, live) for encoded in kept["encode"]]),
        ("decode", lambda: [runner.decode(denoised) for denoised in kept["denoise"]]),
    ):
        synchronise(device)
        started = time.perf_counter()
        kept[lane] = work()
        synchronise(device)
        spent[lane] = time.perf_counter() - started
    return spent

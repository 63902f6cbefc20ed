"""A runner in a plain loop: no session, no threads of lanes, frames in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ...engine.conditioning.recipe import ConditioningRecipe
from ...engine.families import StreamRequest, make_runner
from ...engine.families.base import Chunk, DenoiseSettings, Runner, StreamModel, TemporalAdapter
from ...engine.media.types import Frames

FPS = 24


def play(
    runner: Runner,
    frames: np.ndarray | None,
    *,
    length: int = 0,
    changes: Mapping[int, Mapping[str, Any]] | None = None,
) -> Iterator[np.ndarray]:
    """Run a clip through a runner chunk by chunk, as a session would.

    Args:
        runner: fresh, or reset.
        frames: uint8 RGB (N, H, W, 3); None generates.
        length: frames to generate; 0 never ends.
        changes: live values that change at a chunk, by its index.

    Yields:
        Each chunk's result, uint8 RGB, without the padding of the last one.
    """
    live = {parameter.key: parameter.default for parameter in runner.live_parameters}
    total = length if frames is None else len(frames)
    index, first = 0, 0
    waiting: deque[int] = deque()  # frames that are real, of each chunk whose result has not come

    def results(chunk: Chunk) -> Iterator[np.ndarray]:
        with torch.inference_mode():
            done = runner.decode(runner.denoise(runner.encode(chunk), live))
        if len(done) and waiting:
            yield done[: waiting.popleft()]

    while first < total or not total:
        live |= (changes or {}).get(index, {})
        count = runner.requirements.chunk_frames if index else runner.requirements.first
        valid = min(count, total - first) if total else count
        pts = tuple(Fraction(number, FPS) for number in range(first, first + valid))
        waiting.append(valid)
        source = None if frames is None else Frames(frames[first : first + valid], first, pts).padded(count)
        yield from results(Chunk(index, source, valid, first, dict(live)))
        index, first = index + 1, first + valid
    for late in range(0 if frames is None else runner.requirements.delay):
        yield from results(Chunk(index + late, None, 0, first, dict(live)))


def restyle(
    model: StreamModel,
    frames: np.ndarray,
    prompt: str,
    settings: DenoiseSettings | None = None,
    *,
    adapters: tuple[TemporalAdapter, ...] = (),
    recipe: ConditioningRecipe | None = None,
) -> np.ndarray:
    """A whole clip, uint8 RGB (N, H, W, 3) in and out.

    Live keys are ``text.prompt``, ``denoise.strength``, ``denoise.seed`` and each adapter's own.

    Args:
        model: loaded.
        frames: its sides are multiples of what the model requires.
        prompt: the instruction.
        settings: the widgets of StreamDenoise.
        adapters: put on the model for this clip.
        recipe: for other than the usual caching; its prompt is replaced.
    """
    height, width = frames.shape[1:3]
    with torch.no_grad():
        runner = make_runner(
            model.patched(adapters),
            StreamRequest(
                settings or DenoiseSettings(),
                replace(recipe or ConditioningRecipe(), prompt=prompt, node_id="text"),
                node_id="denoise",
                model_node_id="model",
                width=width,
                height=height,
            ),
        )
    return np.concatenate(list(play(runner, frames)))

"""The films that are judged: generated ones, and the same scenes through the autoencoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings
from ....engine.families.stream_dit.model import StreamDiTModel
from ....engine.sampling.partition import Partition
from ...benchmark.inline import play
from ...world.render import render
from ...world.scene import Scene, draw_scene
from ...world.sentences import Sentence, describe

PROMPT = "text.prompt"
"""The live key of the prompt in these films."""


@dataclass(frozen=True)
class Case:
    """A scene, and the sentence that asks for it."""

    scene: Scene
    sentence: Sentence


def draw_cases(count: int, seed: int, *, held_out: bool = False) -> list[Case]:
    """Scenes that training did not draw; ``held_out`` ones show a pair that training never shows."""
    cases = []
    for index in range(count):
        rng = np.random.default_rng((seed, index, 1 + held_out, 97))
        scene = draw_scene(rng, held_out=held_out)
        cases.append(Case(scene, describe(scene, rng)))
    return cases


def with_partition(model: StreamDiTModel, partition: Partition) -> StreamDiTModel:
    """The same network in another layout, trained for it or not."""
    return replace(model, profile=replace(model.profile, partitions=(partition,)))


def chunks(
    model: StreamDiTModel,
    prompt: str,
    frames: int,
    side: int,
    *,
    seed: int = 0,
    changes: Mapping[int, Mapping[str, Any]] | None = None,
) -> Iterator[np.ndarray]:
    """A generated film chunk by chunk, uint8 RGB; ``changes`` are live values by chunk."""
    with torch.no_grad():
        runner = make_runner(
            model,
            StreamRequest(
                DenoiseSettings(seed=seed),
                ConditioningRecipe(prompt, node_id="text"),
                node_id="denoise",
                model_node_id="model",
                width=side,
                height=side,
            ),
        )
    yield from play(runner, None, length=frames, changes=changes)


def film(model: StreamDiTModel, prompt: str, frames: int, side: int, **options: Any) -> np.ndarray:
    """A whole generated film, uint8 RGB (frames, side, side, 3); options as for ``chunks``."""
    return np.concatenate(list(chunks(model, prompt, frames, side, **options)))


@torch.inference_mode()
def real_film(model: StreamDiTModel, scene: Scene, frames: int, side: int) -> np.ndarray:
    """AE(world): the rendered scene through the autoencoder, uint8 RGB (frames, side, side, 3)."""
    stream = model.autoencoder.for_stream()
    pixels = torch.from_numpy(render(scene, frames, side))
    latents = torch.cat([stream.encode_chunk(pixels), stream.flush()])
    return stream.decode_chunk(latents)[:frames].cpu().numpy()


def chunk_starts(model: StreamDiTModel, frames: int) -> np.ndarray:
    """The first frame of every chunk but the first: latent borders that are chunk borders."""
    needs = model.requirements(DenoiseSettings())
    return np.arange(needs.first, frames, needs.chunk_frames)

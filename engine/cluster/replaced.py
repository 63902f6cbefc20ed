"""A model of which some pictures are given instead of made: where several machines share one clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..conditioning.timeline import Switch
from ..families import StreamRequest, make_runner
from ..families.base import Chunk, DenoiseSettings, Requirements, Runner, StreamModel, TemporalAdapter

Given = Callable[[Chunk, int, int], np.ndarray | None]
"""The pictures of a chunk at a width and a height, uint8 (N, H, W, 3) with at least ``chunk.valid`` frames;
None lets the model make them. Called in the chunks' order, on the encode lane."""


@dataclass(frozen=True)
class _Pictures:
    """A chunk that the model does not see."""

    pixels: np.ndarray


class ReplacedModel(StreamModel):
    """Another model's weights, whose runners ask ``given`` first.

    Args:
        model: its chunks must be independent of each other (``Family.independent``) unless all are given.
        given: see ``Given``.
    """

    def __init__(self, model: StreamModel, given: Given) -> None:
        self._model, self._given = model, given
        self.family, self.fps = model.family, model.fps

    def modules(self) -> tuple[Any, ...]:
        return self._model.modules()

    def modules_on(self, usual: torch.device) -> Mapping[torch.device, tuple[Any, ...]]:
        return self._model.modules_on(usual)

    def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
        return self._model.stream_bytes(settings, width, height)

    def stream_bytes_on(self, usual: torch.device, *request: Any) -> Mapping[torch.device, int]:
        return self._model.stream_bytes_on(usual, *request)

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        return self._model.requirements(settings)

    def patched(self, patches: tuple[TemporalAdapter, ...]) -> StreamModel:
        return ReplacedModel(self._model.patched(patches), self._given)

    def with_lora(self, strength: float) -> StreamModel:
        return ReplacedModel(self._model.with_lora(strength), self._given)

    def own_runner(self, request: StreamRequest) -> Runner:
        return _ReplacedRunner(make_runner(self._model, request), self._given, request)


class _ReplacedRunner(Runner):
    def __init__(self, runner: Runner, given: Given, request: StreamRequest) -> None:
        self._runner, self._given = runner, given
        self._size = request.width, request.height
        self.requirements = runner.requirements
        self.live_parameters = runner.live_parameters
        self.crossing = runner.crossing

    def encode(self, chunk: Chunk) -> Any:
        pixels = self._given(chunk, *self._size)
        return self._runner.encode(chunk) if pixels is None else _Pictures(pixels)

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        return encoded if isinstance(encoded, _Pictures) else self._runner.denoise(encoded, late)

    def decode(self, denoised: Any) -> np.ndarray:
        return denoised.pixels if isinstance(denoised, _Pictures) else self._runner.decode(denoised)

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self._runner.switches(chunk)

    def readout(self) -> Mapping[str, str]:
        return self._runner.readout()

    def release_caches(self) -> None:
        self._runner.release_caches()

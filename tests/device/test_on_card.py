"""What the pretended device said, asked of a real one; alone in its process (``claim``)."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from device_streams import CASES, DTYPE, GOLDEN, MOMENTS, SIDE, claim, handle, make, patch, played

from livestyle.engine.families import compiling, demo_checkpoints, load_model, weight_bytes
from livestyle.engine.families.base import Chunk, Runner
from livestyle.engine.networks import cuda_graphs
from livestyle.lab.benchmark import parity


@pytest.fixture(autouse=True)
def real() -> None:
    claim("real")


pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
CARD = torch.device("cuda", 0)
WAITED = "synchronizing CUDA operation"
STEPS = 0.5
"""Of 255, that pictures may be off on average in float32: sums have another order, or TF32."""


class Counted(Runner):
    """Counts torch's warnings of a wait by chunk."""

    def __init__(self, runner: Runner) -> None:
        self.runner, self.waits = runner, Counter[int]()
        self.requirements, self.live_parameters = runner.requirements, runner.live_parameters
        self._chunk = 0

    def encode(self, chunk: Chunk) -> Any:
        self._chunk = chunk.index
        return self._count(lambda: self.runner.encode(chunk))

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        return self._count(lambda: self.runner.denoise(encoded, late))

    def decode(self, denoised: Any) -> np.ndarray:
        return self._count(lambda: self.runner.decode(denoised))

    def _count(self, work: Callable[[], Any]) -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                return work()
            finally:
                torch.cuda.set_sync_debug_mode("default")
                self.waits[self._chunk] += sum(WAITED in str(warning.message) for warning in caught)


@pytest.mark.parametrize("name", list(CASES))
def test_the_host_waits_no_more_often_than_was_counted(name: str) -> None:
    case, golden = CASES[name], json.loads(GOLDEN.read_text())[name]
    runner = Counted(make(case, patch(case, load_model(handle(case), CARD, DTYPE))))
    for _ in played(case, runner):
        pass
    for moment, chunk in MOMENTS.items():
        stages = (golden[moment][stage] for stage in ("encode", "denoise", "decode"))
        assert runner.waits[chunk] <= sum(sum(waits.values()) for waits in stages)


@pytest.mark.parametrize("name", list(CASES))
def test_memory_is_enough(name: str) -> None:
    case = CASES[name]
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated(CARD)
    torch.cuda.reset_peak_memory_stats(CARD)
    model = patch(case, load_model(handle(case), CARD, DTYPE))
    for _ in played(case, make(case, model)):
        pass
    asked = sum(weight_bytes(handle(case), DTYPE).values()) + model.stream_bytes(case.settings, SIDE, SIDE)
    assert torch.cuda.max_memory_allocated(CARD) - before <= asked


@pytest.mark.parametrize("checkpoint", [folder.name for folder in demo_checkpoints().values()])
def test_pictures_are_those_of_the_cpu(checkpoint: str) -> None:
    assert parity.compare(checkpoint, CARD)["mean_error_float32"] <= STEPS


@pytest.mark.parametrize("name", list(CASES))
def test_graphs_are_recorded_and_show_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler, whose kernels would round otherwise."""
    case, said = CASES[name], []
    monkeypatch.setattr(compiling, "obstacle", lambda _: "")
    monkeypatch.setattr(torch.nn.Module, "compile", lambda *_, **__: None)
    monkeypatch.setattr(cuda_graphs.log, "warning", lambda line, *parts: said.append(line % parts))
    model = patch(case, load_model(handle(case), CARD, DTYPE))
    replayed = replace(case, settings=replace(case.settings, compile=True))
    plain, graphs = (np.concatenate(list(played(each, make(each, model)))) for each in (case, replayed))
    assert not said
    assert np.abs(graphs.astype(int) - plain).mean() <= STEPS

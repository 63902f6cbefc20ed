"""Calls of a network that are recorded and replayed; a tape stands in for CUDA."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_stream_dit
import torch
from tape import Taping
from torch import nn

from livestyle.engine.families import load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.networks import cuda_graphs
from livestyle.engine.networks.cuda_graphs import KEPT, Graphs
from livestyle.engine.networks.stream_dit import model as stream_dit


@pytest.fixture
def taping(monkeypatch: pytest.MonkeyPatch) -> Taping:
    recorder = Taping()
    monkeypatch.setattr(cuda_graphs, "recorder_for", lambda _: recorder)
    return recorder


LAYER = nn.Linear(4, 4)


def times(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    return LAYER(x) * by


@torch.inference_mode()
def test_each_kind_of_call_is_recorded_once(taping: Taping) -> None:
    graphs = Graphs([LAYER], True)
    for step in range(6):
        x = torch.full((1 + step % 2, 4), float(step))
        by = torch.full((4,), float(step)).expand(len(x), 4)
        assert torch.equal(graphs(times, x, by), times(x, by))
    assert (taping.recorded, taping.replayed) == (2, 4)


@torch.inference_mode()
def test_what_is_spread_over_an_axis_is_copied_once(taping: Taping) -> None:
    seen: list[int] = []

    def run(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.untyped_storage().nbytes())
        return x + LAYER.bias

    Graphs([LAYER], True)(run, torch.ones(4).expand(100, 4))
    assert seen == [16, 16]


@torch.inference_mode()
def test_without_weights_nothing_is_recorded(taping: Taping) -> None:
    one = torch.ones(4)
    assert torch.equal(Graphs([], True)(times, one, one), times(one, one)) and not taping.recorded


@torch.inference_mode()
def test_results_are_the_callers_own(taping: Taping) -> None:
    graphs, one = Graphs([LAYER], True), torch.ones(4)
    graphs(times, one, one)
    first = graphs(times, one, one)
    kept = first.clone()
    graphs(times, 2 * one, one)
    assert torch.equal(first, kept)


@torch.inference_mode()
def test_constants_are_written_when_others_come(taping: Taping) -> None:
    graphs, one = Graphs([LAYER], True), torch.ones(4)
    texts = [torch.full((4,), value) for value in (1.0, 1.0, 2.0, 3.0)]
    for text in (texts[0], texts[0], *texts):
        assert torch.equal(graphs(times, one, constants=(text,)), times(one, text))
    assert taping.recorded == 1


@torch.inference_mode()
def test_the_kinds_asked_for_last_are_kept(taping: Taping) -> None:
    graphs = Graphs([LAYER], True)
    lengths = [*range(1, KEPT + 2), KEPT + 1, 1]  # the first one is gone by then
    for length in lengths:
        x = torch.ones(length, 4)
        graphs(times, x, constants=(x,))
    assert (taping.recorded, taping.replayed) == (KEPT + 2, 1)
    assert len(graphs._constants) <= KEPT


@torch.inference_mode()
def test_a_host_that_reads_a_value_is_not_recorded(taping: Taping, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(cuda_graphs.log, "warning", lambda line, *parts: said.append(line % parts))
    graphs, one = Graphs([LAYER], True), torch.ones(4)

    def run(x: torch.Tensor) -> torch.Tensor:
        return x * float(x.sum())

    for factor in (1.0, 2.0):
        assert torch.equal(graphs(run, factor * one), run(factor * one))
    assert not taping.recorded and len(said) == 1


@torch.inference_mode()
def test_an_error_of_the_network_is_its_own(taping: Taping) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        Graphs([LAYER], True)(times, torch.ones(5), torch.ones(5))


def test_only_cuda_records() -> None:
    assert cuda_graphs.recorder_for(torch.device("cpu")) is None


@torch.inference_mode()
def test_memory_that_a_network_forgets_is_missed(taping: Taping) -> None:
    """The tape's own check: a graph would read what is something else's by then."""
    held = [torch.ones(4)]

    def lookup(x: torch.Tensor) -> torch.Tensor:
        return x * held[0]

    graphs: Callable[..., torch.Tensor] = Graphs([LAYER], True)
    graphs(lookup, torch.ones(4))
    held[0] = torch.ones(4)
    with pytest.raises(AssertionError, match="given back"):
        graphs(lookup, torch.ones(4))


@torch.inference_mode()
def test_a_layout_of_windows_lives_as_long_as_its_graph(
    tmp_path: Path, taping: Taping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """StreamDiT keeps the layouts of the last grids only, for all streams; a graph reads one in place."""
    monkeypatch.setattr(stream_dit, "PLANS", 1)
    folder = tiny_stream_dit.write_tiny_checkpoint(tmp_path)
    network = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32).network
    graphs, text = Graphs([network], True), network.read_text({})
    latents = torch.randn(1, 4, network.config.channels, 4, 4)
    for again in range(3):
        plan = network.plan(*latents[0, :, 0].shape)

        def run(x: torch.Tensor, plan: stream_dit.Plan = plan) -> torch.Tensor:
            return network(x, torch.full(x.shape[:2], 0.5), text, plan=plan)

        expected = run(latents + again)
        assert torch.equal(graphs(run, latents + again), expected)
        del plan, run
        network.plan(2, 4, 4)  # the only one that is kept
        gc.collect()
    assert taping.replayed == 2

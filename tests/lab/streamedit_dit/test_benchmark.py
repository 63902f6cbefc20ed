"""The StreamEdit-DiT benchmark runs at toy size and says so; memory is what a piece of work allocates."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from livestyle.engine.networks.sparse_attention.attention import Selections
from livestyle.engine.networks.sparse_attention.dsa import Selection, SparseSettings
from livestyle.engine.networks.streamedit_dit.model import StreamEditDiT
from livestyle.engine.sampling.edit_stream import DIAGONAL, PIPELINED
from livestyle.lab.benchmark.memory import peak_bytes
from livestyle.lab.streamedit_dit.benchmark.cases import FULL, TOY, UNDISTILLED, Case, cases, published
from livestyle.lab.streamedit_dit.benchmark.streams import Bench, attention_cost, latency, with_attention

CPU = torch.device("cpu")


def test_the_cases_are_the_papers() -> None:
    drawn = list(cases(FULL, cuda=True))
    assert {(case.window, case.attention) for case in drawn if case.network == "2B" and case.compiled} == {
        (6, "dense"),
        (8, "dense"),
        (8, "sparse"),
        (16, "dense"),
        (16, "sparse"),
    }
    assert UNDISTILLED.levels == 100
    for name in ("2B", "10B"):
        assert {case.partition.levels for case in drawn if case.network == name} == {6, 100}
    compared = [case for case in drawn if case.window == 6 and case.network == "2B" and case.compiled]
    assert [case.layout for case in compared] == ["diagonal", "pipelined", "sequential"]
    assert {case.partition.levels for case in compared} == {6}
    assert not any(case.compiled for case in cases(TOY, cuda=False))
    assert FULL.side * 8 == 512 and FULL.networks["2B"].depth == 28 and FULL.networks["2B"].width == 2048


@pytest.mark.slow
def test_toy_rows_say_that_the_full_size_was_not_measured() -> None:
    scale = replace(TOY, side=8)
    bench = Bench(scale, CPU, torch.float32)
    cases = (Case("2B", 6, "dense"), Case("2B", 8, "sparse"), Case("2B", 6, "dense", PIPELINED))
    rows = [bench.row(case) for case in cases]
    assert [row["layout"] for row in rows] == ["diagonal", "diagonal", "pipelined"]
    for row in rows:
        assert "not measured" in row["note"]
        assert row["fps"] == pytest.approx(4000.0 / row["ms_per_latent_frame"])
        assert row["evaluations_per_frame"] == 6
        assert row["entry_to_emission_with_camera_ms"] >= row["entry_to_emission_ms"] + 100.0
        assert row["attention_tflop"] > 0.0 and (row["attention_saved"] > 0.0) == (
            row["attention"] == "sparse"
        )
        assert row["peak_gb"] > 4e-9 * row["parameters"]


@pytest.mark.parametrize(
    ("step_ms", "chunks", "full_speed", "with_camera"),
    [
        (10.0, 1, 15.0, 115.0),  # three more pictures at 30 a second, the step, the decoder
        (10.0, 3, 35.0, 100.0 + 2 * 400 / 3 + 15.0),  # two more latent frames to wait for
        (200.0, 3, 605.0, 705.0),  # too slow for the camera: nothing is waited for
    ],
)
def test_a_camera_sets_the_pace_of_all_steps_but_the_last(
    step_ms: float, chunks: int, full_speed: float, with_camera: float
) -> None:
    row = latency(step_ms, 5.0, chunks, 4)
    assert row["entry_to_emission_ms"] == pytest.approx(full_speed)
    assert row["entry_to_emission_with_camera_ms"] == pytest.approx(with_camera)


def test_attention_counts_what_is_selected() -> None:
    selections = Selections()
    order = torch.arange(8).expand(1, 1, 8, 8)
    selections.get(0, "", lambda: Selection(order, torch.full((1, 1, 8), 2)))
    config = replace(TOY.networks["2B"], dsa=SparseSettings(block=(1, 8, 8)))
    dense, sparse = (
        attention_cost(config, Case("2B", 8, kind), 16, selections) for kind in ("dense", "sparse")
    )
    assert dense["attention_tflop"] * 1e12 == config.depth * 4 * config.width * (8 * 64) ** 2
    assert dense["attention_saved"] == 0.0
    assert sparse["attention_saved"] == pytest.approx(0.75, abs=0.001)
    assert sparse["attention_tflop"] == pytest.approx(dense["attention_tflop"] / 4, rel=0.01)


def test_only_full_size_rows_stand_beside_the_papers() -> None:
    row = {"row": "stream", "scale": "full size", "network": "2B", "window": 6, "attention": "dense"}
    row["layout"] = "diagonal"
    eager, compiled = ({**row, "evaluations_per_frame": 6, "fps": fps} for fps in (20.0, 40.0))
    slow = {**row, "evaluations_per_frame": 100, "fps": 2.0}
    toy = {**eager, "scale": "toy size", "fps": 90.0}
    pipelined = {**eager, "layout": "pipelined"}
    large, teacher = {**eager, "network": "10B"}, {**slow, "network": "10B"}
    none = {"row": "compiled", "scale": "toy size"}
    found = published([eager, compiled, slow, toy, pipelined, teacher, large, none])
    named = {"window_6_dense_diagonal": compiled, "window_6_dense_pipelined": pipelined, "undistilled": slow}
    assert found == {"table_4": named, "table_5": {"window_6_dense_diagonal": large, "undistilled": teacher}}
    assert published([toy]) == {"table_4": {}, "table_5": {}}


def test_attention_changes_but_not_the_parameters() -> None:
    network = StreamEditDiT(TOY.networks["2B"])
    dense = with_attention(network, "dense")
    assert dense.config.attention == "dense"
    assert all(a is b for a, b in zip(dense.parameters(), network.parameters(), strict=True))
    assert DIAGONAL.levels == 6


def test_peak_memory_counts_what_lives_at_once() -> None:
    def one_after_the_other() -> torch.Tensor:
        x = torch.zeros(1000)
        for _ in range(5):
            x = x.view(10, 100) + 1.0  # a view allocates nothing, and the old sum is freed
        return x

    def side_by_side() -> list[torch.Tensor]:
        return [torch.zeros(1000) for _ in range(5)]

    assert peak_bytes(one_after_the_other, CPU) == 2 * 4000
    assert peak_bytes(side_by_side, CPU) == 5 * 4000

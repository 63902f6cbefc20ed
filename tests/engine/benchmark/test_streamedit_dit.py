"""The StreamEdit-DiT benchmark runs at toy size and says so; memory is what a piece of work allocates."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from livestyle.engine.benchmark.memory import peak_bytes
from livestyle.engine.benchmark.streamedit_dit import Bench, with_attention
from livestyle.engine.benchmark.streamedit_dit_cases import (
    FULL,
    TOY,
    UNDISTILLED,
    Case,
    cases,
    published,
)
from livestyle.engine.networks.stream_edit_dit.model import StreamEditDiT
from livestyle.engine.sampling.edit_stream import DIAGONAL

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
    assert any(case.partition.levels == 100 for case in drawn) and UNDISTILLED.levels == 100
    assert drawn[-1].network == "10B" and drawn[-1].partition.levels == 6
    assert not any(case.compiled for case in cases(TOY, cuda=False))
    assert FULL.side * 8 == 512 and FULL.networks["2B"].depth == 28 and FULL.networks["2B"].width == 2048


@pytest.mark.slow
def test_toy_rows_say_that_the_full_size_was_not_measured() -> None:
    scale = replace(TOY, side=8)
    bench = Bench(scale, CPU, torch.float32)
    rows = [bench.row(case) for case in (Case("2B", 6, "dense"), Case("2B", 8, "sparse"))]
    for row in rows:
        assert "not measured" in row["note"]
        assert row["fps"] == pytest.approx(4000.0 / row["ms_per_latent_frame"])
        assert row["evaluations_per_frame"] == 6
        assert row["entry_to_emission_with_camera_ms"] == pytest.approx(row["entry_to_emission_ms"] + 100.0)
        assert row["peak_gb"] > 4e-9 * row["parameters"]


def test_only_full_size_rows_stand_beside_the_papers() -> None:
    row = {"row": "stream", "scale": "full size", "network": "2B", "window": 6, "attention": "dense"}
    eager, compiled = ({**row, "evaluations_per_frame": 6, "fps": fps} for fps in (20.0, 40.0))
    slow = {**row, "evaluations_per_frame": 100, "fps": 2.0}
    toy = {**eager, "scale": "toy size", "fps": 90.0}
    large = {**eager, "network": "10B"}
    found = published([eager, compiled, slow, toy, large, {"row": "compiled", "scale": "toy size"}])
    assert found["table_4"] == {"window_6_dense": compiled, "undistilled": slow}
    assert found["largest"] == large
    assert published([toy]) == {"largest": None, "table_4": {}}


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

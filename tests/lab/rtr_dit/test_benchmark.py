"""The bench of causal video models, at toy size: every row has its figures and says what it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from livestyle.engine.networks.causal_wan import CausalWan
from livestyle.lab.rtr_dit.benchmark.cases import FULL, TOY, Case, cases
from livestyle.lab.rtr_dit.benchmark.streams import Bench


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(TOY, torch.device("cpu"), torch.float32)


def test_the_full_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        networks = {name: CausalWan(config) for name, config in FULL.networks.items()}
    counts = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    assert counts["1.3B"] == pytest.approx(1.419e9, rel=1e-3)
    assert counts["14B"] == pytest.approx(14.29e9, rel=2e-2)
    measured = list(cases(FULL))
    asked = {("1.3B", 480, 832, 4, 3, window, "taehv", False) for window in (6, 9, 12, 21)}
    asked |= {("1.3B", 512, 512, 2, 1, 6, "wan", False), ("14B", 480, 832, 4, 3, 6, "taehv", False)}
    assert asked <= {tuple(vars(case).values()) for case in measured}
    compiled = {case for case in cases(FULL, cuda=True) if case.compiled}
    assert {case.network for case in compiled} == {"1.3B", "14B"}
    assert {replace(case, compiled=False) for case in compiled} <= set(measured)


@pytest.mark.parametrize("autoencoder", ["taehv", pytest.param("wan", marks=pytest.mark.slow)])
def test_a_stream_is_measured_end_to_end(bench: Bench, autoencoder: str) -> None:
    row = bench.stream(Case("toy", 64, 64, 1, 1, 6, autoencoder))
    assert row["fps"] > 0 and row["first_chunk_s"] > 0


def test_the_cache_is_as_large_as_predicted(bench: Bench) -> None:
    row = bench.block(Case("toy", 64, 64, 1, 3, 6))
    assert row["kv_bytes_predicted"] == row["kv_bytes_measured"] > 0
    assert row["block_ms"] > 0 and row["switch_over_block"] > 0

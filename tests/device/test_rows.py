"""The rows that are counted and measured of published configurations, at toy size."""

from __future__ import annotations

import pytest
import torch
from device_streams import claim

from livestyle.engine.families import compiling
from livestyle.lab.benchmark import headline
from livestyle.lab.benchmark.dry_run import rows
from livestyle.lab.benchmark.dry_run.ledger import Launch
from livestyle.lab.benchmark.dry_run.roofline import CARDS, Card
from livestyle.lab.benchmark.published import ROWS

ROW = next(row for row in ROWS if row.family == "stream-dit")


def test_a_row_that_is_counted() -> None:
    claim("pretended")
    row = rows.count(ROW, {"h200": CARDS["h200"], "4090": CARDS["4090"]}, toy=True)
    assert row["frames"] == 8 and row["scale"] == "toy size"
    assert row["unfused_attention"] == 0
    assert 0 < row["launches_replayed"] < row["launches"]
    assert 0 < row["4090_eager_fps"] <= row["4090_ideal_fps"] < row["h200_ideal_fps"]
    assert row["weights_gb"] < row["peak_gb"]


def test_a_second_card_takes_work_over() -> None:
    """The same work in all, in no more time; only then do bytes cross."""
    claim("pretended")
    text_and_pixels = [row for row in ROWS if row.family == "mllm-edit" and row.options["every"]]
    alone, beside = (rows.count(row, {"4090": CARDS["4090"]}, toy=True) for row in text_and_pixels)
    assert (alone["launches"], alone["gflop"]) == (beside["launches"], beside["gflop"])
    assert alone["4090_eager_fps"] < beside["4090_eager_fps"] < 2 * alone["4090_eager_fps"]
    assert alone["crossed_mb"] == 0 < beside["crossed_mb"]


def test_the_slowest_of_cards_and_link_counts() -> None:
    card = Card(flops=1.0, bytes=1.0, full=1.0, link=2.0)
    launches = [Launch("any", 0, size, True, "here", device) for size, device in ((3, 0), (4, 0), (5, 1))]
    assert card.seconds_together(launches, 8, fused=False) == 7.0
    assert card.seconds_together(launches, 16, fused=False) == 8.0


def test_a_row_that_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here on the CPU, where nothing can be compiled; what is counted is the same."""
    monkeypatch.setattr(compiling, "obstacle", lambda _: "no compiler")
    measured = list(headline.measure(ROW, torch.device("cpu"), torch.float32, toy=True))
    assert [row.get("lanes") for row in measured] == ["triple", "single", None]
    assert all(row["fps"] > 0 and row["gflop"] > 0 and row["mfu"] is None for row in measured[:2])
    assert "no compiler" in measured[2]["note"]

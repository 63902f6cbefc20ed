"""The rows that are counted and measured of published configurations, at toy size."""

from __future__ import annotations

import pytest
import torch
from device_streams import claim

from livestyle.engine.families import compiling
from livestyle.lab.benchmark import headline
from livestyle.lab.benchmark.dry_run import rows
from livestyle.lab.benchmark.dry_run.roofline import CARDS
from livestyle.lab.benchmark.published import ROWS

ROW = next(row for row in ROWS if row.family == "stream-dit")


def test_a_row_that_is_counted() -> None:
    claim("pretended")
    row = rows.count(ROW, {"h200": CARDS["h200"], "4090": CARDS["4090"]}, toy=True)
    assert row["frames"] == 8 and row["scale"] == "toy size"
    assert row["unfused_attention"] == 0
    assert 0 < row["4090_eager_fps"] <= row["4090_ideal_fps"] < row["h200_ideal_fps"]
    assert row["weights_gb"] < row["peak_gb"]


def test_a_row_that_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here on the CPU, where nothing can be compiled; what is counted is the same."""
    monkeypatch.setattr(compiling, "obstacle", lambda _: "no compiler")
    measured = list(headline.measure(ROW, torch.device("cpu"), torch.float32, toy=True))
    assert [row.get("lanes") for row in measured] == ["triple", "single", None]
    assert all(row["fps"] > 0 and row["gflop"] > 0 and row["mfu"] is None for row in measured[:2])
    assert "no compiler" in measured[2]["note"]

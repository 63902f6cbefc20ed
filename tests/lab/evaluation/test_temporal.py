"""Both sides are measured on the same clips, with a row behind every figure; drift and cuts are judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")

from moving_clips import panning, tiny_adapter, tiny_model

from livestyle.engine.families.base import TemporalAdapter
from livestyle.lab.evaluation.temporal import Temporal, TemporalStudy, summarise
from livestyle.lab.metrics.perceptual import EfficientNetLite0

KEYS = ("excess", "warping_error", "gradient", "style_distance")
STUDY = TemporalStudy(
    styles=("ink", "sepia"),
    seeds=(0, 1),
    chunk=2,
    sample_every=4,
    long_styles=("ink",),
    frames=6,
    length=17,
    window=4,
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    folder: Path = tmp_path_factory.mktemp("temporal")
    model = tiny_model(folder)
    adapter = TemporalAdapter(str(tiny_adapter(model, folder / "lllite.safetensors")))
    clips = [panning("a", 6), panning("b", 6, seed=4)]
    rows: list[dict[str, Any]] = []
    return Temporal(model, (adapter,), clips, STUDY, EfficientNetLite0(), rows.append).measure(), rows


@pytest.mark.slow
def test_every_figure_has_its_rows(measured: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    report, rows = measured
    assert report["rows"] == 2 * 2 * 2 * 3  # clips, styles, seeds, sides
    assert [row["kind"] for row in rows].count("steadiness") == report["rows"]
    for key in KEYS:
        for side in ("without", "with", "blended"):
            values = [row[key] for row in rows if row["kind"] == "steadiness" and row["side"] == side]
            assert report[f"{key}_{side}"] == pytest.approx(sum(values) / len(values))
    assert report["excess_with"] != report["excess_without"]
    assert report["excess_blended"] < report["excess_without"]
    assert set(report["styles"]) == {"ink", "sepia"}
    assert -1.0 <= report["rank_agreement"] <= 1.0


@pytest.mark.slow
def test_seeds_change_the_noise(measured: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    _, rows = measured
    first, second = ([r["warping_error"] for r in rows if r.get("seed") == seed] for seed in (0, 1))
    assert first != second


@pytest.mark.slow
def test_a_model_without_memory_does_not_drift(measured: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """With shared noise and no adapter a picture depends on its frame alone: every window is equal."""
    report, rows = measured
    without = next(row for row in rows if row["kind"] == "drift" and row["side"] == "without")
    assert without["warping_error_masked_ok"] and without["gradient_ok"] and without["brightness_ok"]
    assert without["warping_error_masked_share"] == 0.0
    shipped = [row for row in rows if row["kind"] == "drift" and row["side"] == "with"]
    assert report["drift_ok"] is all(row["warping_error_masked_ok"] for row in shipped)


@pytest.mark.slow
def test_nothing_of_the_old_scene_is_left_without_an_adapter(
    measured: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    report, _ = measured
    assert report["after_cut_first_chunk_ratio_without"] == pytest.approx(1.0)
    assert report["after_cut_refreshed_chunk_ratio_without"] == pytest.approx(1.0)
    assert report["after_cut_first_chunk_ratio_with"] > 0.0


def test_one_side_is_measured_without_an_adapter() -> None:
    rows = [
        {
            "style": "ink",
            "side": "without",
            "excess": 2.0,
            "excess_dis": 1.0,
            "gradient": 5.0,
            "style_distance": 0.1,
        }
    ]
    report = summarise(rows)
    assert report["excess_without"] == 2.0
    assert "excess_with" not in report and "excess_change" not in report
    assert report["rank_agreement"] is None

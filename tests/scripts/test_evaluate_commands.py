"""The commands write the keys that are asked of them, with a line of JSON behind every run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
pytest.importorskip("matplotlib", reason="needs requirements-train.txt")

from evaluating import tables, temporal
from moving_clips import tiny_adapter, tiny_model
from sample_clips import make_clip

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
    assert [row["kind"] for row in rows] == ["steadiness"] * 4 + ["drift"] * 2 + ["cut"] * 2


def test_tables(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # at 32 pixels and chunk 1 the deepest maps have one value, which no group norm takes
    run(tables, files, "--size", "64", "--frames", "8", "--only", "V", "XII", "--output", str(tmp_path))
    report = json.loads((tmp_path / "tables.json").read_text())
    assert [row["chunk"] for row in report["tables"]["V"]] == [1, 2, 4, 8, 16]
    assert report["tables"]["XII"][2]["note"] == "not measured: give a LoRA with --lora"
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 5 + 2 * 2
    assert (tmp_path / "table_V.png").exists() and (tmp_path / "side_by_side.mp4").exists()
    assert "Table V. Batch scaling, ms a chunk" in capsys.readouterr().out

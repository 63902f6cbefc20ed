"""The one command on a fresh machine, on a ComfyUI that is already here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import environment
from graphs import play
from PIL import Image
from sample_clips import make_clip


def _demo(comfyui: Path, *options: object) -> subprocess.CompletedProcess[str]:
    script = Path(environment.__file__).with_name("demo.py")
    surroundings = {**os.environ, "COMFYUI_PATH": str(comfyui)}
    command = [sys.executable, str(script), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, env=surroundings, timeout=400)


def test_demo_restyles_a_clip(comfyui: Path, checkpoint: str, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "my holiday.mp4", frames=20)
    report = tmp_path / "report.json"
    options = ("--input", source, "--output", tmp_path / "out", "--size", "128x96", "--json", report)
    done = _demo(comfyui, *options, "--style", "pencil sketch")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(report.read_text())
    result = play(Path(said["video"]))
    assert Path(said["video"]).is_relative_to(tmp_path / "out")
    assert result.pixels.shape == (20, 96, 128, 3) and result.audio_seconds > 0
    assert Image.open(said["side_by_side"]).size == (256, 96)
    assert (said["frames"], said["style"]) == (20, "pencil sketch")
    for line in (said["video"], said["side_by_side"], said["url"], "20/20 frames", "fps"):
        assert line in done.stdout


def test_demo_says_what_is_wrong_in_one_line(comfyui: Path, checkpoint: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    done = _demo(comfyui, "--input", broken, "--output", tmp_path)
    assert done.returncode == 1
    assert "broken.mp4" in done.stderr and len(done.stderr.strip().splitlines()) == 1

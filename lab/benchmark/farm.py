"""How much faster scripts/farm.py is on two workers than on one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ...engine.version import PACK

FEW, MANY, SECONDS = 2, 8, 3.0
"""Clips of the two runs whose difference counts, and how long each clip is."""


def throughput(side: int, short: bool = False) -> dict[str, Any]:
    """Frames a second on one and on two workers, and their ratio.

    Starting Ray and loading the model takes longer than a short clip. Both are in a run of few clips and in
    one of many, so what is between the two is rendering alone.
    """
    many, seconds = (FEW + 2, 0.5) if short else (MANY, SECONDS)
    report: dict[str, Any] = {"clips": [FEW, many], "seconds_a_clip": seconds}
    rates = []
    for workers in (1, 2):
        walls = [_wall(workers, count, side, seconds) for count in (FEW, many)]
        report[f"walls_s_{workers}"] = [round(wall, 1) for wall in walls]
        rates.append(_frames(seconds) * (many - FEW) / (walls[1] - walls[0]))
        report[f"fps_{workers}"] = round(rates[-1], 2)
    return report | {"ratio": round(rates[1] / rates[0], 2)}


def _wall(workers: int, count: int, side: int, seconds: float) -> float:
    """Seconds that the command takes for so many clips."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        graph = json.loads((PACK / "workflows" / "api" / "restyle_a_video.json").read_text("utf-8"))
        graph["1"]["inputs"]["duration"] = seconds
        graph["2"]["inputs"]["dtype"] = "fp32"
        graph["4"]["inputs"] |= {"width": side, "height": side}
        (folder / "workflow.json").write_text(json.dumps(graph))
        clips = [folder / f"{number}.mp4" for number in range(count)]
        for clip in clips:
            shutil.copy(PACK / "example_media" / "flower.mp4", clip)
        command = [sys.executable, str(PACK / "scripts" / "farm.py"), "render", *map(str, clips)]
        command += ["--workflow", str(folder / "workflow.json"), "--folder", str(folder / "farm")]
        started = time.perf_counter()
        subprocess.run([*command, "--workers", str(workers)], check=True, capture_output=True)
        return time.perf_counter() - started


def _frames(seconds: float) -> int:
    """Of a trimmed clip at 30000/1001 frames a second."""
    return round(seconds * 30000 / 1001)

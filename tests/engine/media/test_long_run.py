"""Memory does not grow with length, sound does not drift: the short form of ``long_run.py``."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from media_clips import grey_ramp, make_clip

from livestyle.engine.media.sources import SourceSpec

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.parametrize("rotation", [0, 90])
def test_no_frame_waits_for_the_garbage_collector(tmp_path: Path, rotation: int) -> None:
    """A decoded frame in a reference cycle would cost 1.4 MB each, until the collector happens to run."""
    size = (1280, 720)
    clip = make_clip(
        tmp_path / "c.mp4", size=size, frames=250, paint=grey_ramp(size), rotation=rotation,
        options={"preset": "ultrafast"},
    )  # fmt: skip
    source = SourceSpec("file", str(clip)).open()
    source.start(64, 64, "crop")
    gc.collect()
    gc.disable()
    try:
        source.read(50)
        before = resident_mb()
        assert len(source.read(200)) == 200
        assert resident_mb() - before < 60
    finally:
        gc.enable()
        source.close()


@pytest.mark.slow
@pytest.mark.parametrize("rate", [[], ["--vfr"]])
def test_two_minutes(tmp_path: Path, rate: list[str]) -> None:
    script = Path(__file__).with_name("long_run.py")
    target = tmp_path / "report.json"
    command = [sys.executable, script, "--minutes", "2", "--size", "320x180", "--json", target, *rate]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    report = json.loads(target.read_text())
    assert report["frames_in"] == report["frames_out"] == 3600
    assert report["rss_growth_mb"] < 100
    assert report["rss_second_half_mb"] < 8
    assert abs(report["sync_offset_ms"]) < report["frame_ms"]

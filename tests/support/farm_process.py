"""scripts/farm.py as a real process, and what one machine makes of the same file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from service_process import ROOT, ServiceProcess


def farm(folder: Path, graph: dict[str, Any], *arguments: object) -> subprocess.Popen:
    """Started; its folders are in ``folder / "farm"``.

    Args:
        graph: the workflow.
        arguments: files, and further options.
    """
    workflow = folder / "farm.json"
    workflow.write_text(json.dumps(graph))
    command = [sys.executable, str(ROOT / "scripts" / "farm.py"), "render", *map(str, arguments)]
    command += ["--workflow", str(workflow), "--folder", str(folder / "farm")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(process: subprocess.Popen) -> str:
    """What it has said when it has ended."""
    try:
        return process.communicate(timeout=1200)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(process.communicate()[0]) from None


def finished(folder: Path, stem: str) -> Path:
    """The one file that was made of a clip or a take."""
    (found,) = (folder / "farm" / "output").glob(f"{stem}_*.mp4")
    return found


def on_one_machine(folder: Path, graph: dict[str, Any], *files: Path) -> Path:
    """What a service of one thread makes of a workflow, in a folder of its own.

    How many threads share a sum decides its last bit; Ray gives a worker one.
    """
    inputs = folder / "service" / "input"
    inputs.mkdir(parents=True)
    for file in files:
        os.link(file, inputs / file.name)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OMP_NUM_THREADS", "1")
        with ServiceProcess(folder, graph) as service:
            assert service.exit_code(600) == 0, service.log
            (video,) = service.videos
    return video


def assert_same(made: Path, expected: Path) -> None:
    """Pictures to the bit, timestamps, and sound as it is coded."""
    pictures, times, sound = _content(made)
    others, other_times, other_sound = _content(expected)
    assert times == other_times and sound == other_sound
    assert np.array_equal(pictures, others)


def _content(path: Path) -> tuple[np.ndarray, list[Any], list[Any]]:
    with av.open(str(path)) as file:
        frames = [(frame.to_ndarray(format="yuv420p"), frame.pts) for frame in file.decode(video=0)]
    with av.open(str(path)) as file:
        sound = [(packet.pts, bytes(packet)) for packet in file.demux(audio=0)] if file.streams.audio else []
    assert frames
    return np.stack([frame for frame, _ in frames]), [pts for _, pts in frames], sound

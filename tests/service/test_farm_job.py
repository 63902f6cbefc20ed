"""What needs no cluster: which file goes where in a workflow, where a clip is divided, what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from service_process import ROOT, workflow

from livestyle.engine.errors import LiveStyleError
from livestyle.service.farm import command
from livestyle.service.farm.job import Job, job_of
from livestyle.service.farm.pieces import Piece, Scenes

FOLDERS = {"input": "/in", "output": "/out", "models": "/models", "user": "/user"}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"any")
    return file


def test_a_video_is_read_and_a_take_is_played(clip: Path) -> None:
    graph = workflow()
    job = job_of(clip, graph, FOLDERS)
    assert job.graph["1"]["inputs"]["file"] == str(clip) and "take" not in job.graph["5"]["inputs"]
    take = clip.with_name("clip.take.jsonl")
    take.write_text("{}")
    job = job_of(take, graph, FOLDERS)
    assert job.graph["5"]["inputs"]["take"] == str(take) and job.node_id == "5"
    assert job.graph["1"]["inputs"]["file"] == "example: flower" == graph["1"]["inputs"]["file"]


def test_a_workflow_that_does_not_fit_is_refused(clip: Path) -> None:
    graph = workflow()
    with pytest.raises(LiveStyleError, match=r"There is no .*absent.mp4: name videos or takes"):
        job_of(clip.with_name("absent.mp4"), graph, FOLDERS)
    with pytest.raises(LiveStyleError, match="has 2 FrameStreamIO that read: leave one"):
        job_of(clip, graph | {"9": graph["1"]}, FOLDERS)
    with pytest.raises(LiveStyleError, match="ends with 2 FrameStreamIO that write: leave one"):
        job_of(clip, graph | {"9": graph["5"]}, FOLDERS)
    del graph["5"]
    with pytest.raises(LiveStyleError, match="ends with 0 FrameStreamIO"):
        job_of(clip, graph, FOLDERS)


@pytest.mark.parametrize(
    ("frames", "starts", "bounds"),
    [
        (100, [], [0, 100]),
        (100, [40], [0, 40, 100]),
        (160, [4, 8, 20, 24, 155], [0, 20, 160]),  # a sixteenth is 10 frames
        (1600, range(4, 1600, 4), [*range(0, 1600, 100), 1600]),
    ],
)
def test_short_scenes_are_joined(frames: int, starts: list[int], bounds: list[int]) -> None:
    scenes = Scenes()
    scenes.frames, scenes.starts = frames, list(starts)
    pieces = scenes.pieces("fp32")
    assert pieces == [Piece(*each, "fp32") for each in zip(bounds, bounds[1:], strict=False)]


def test_without_a_cluster_one_line_says_what_to_do(clip: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "farm.py"), "render", str(clip)]
    command += ["--workflow", str(ROOT / "workflows" / "api" / "restyle_a_video.json")]
    done = subprocess.run([*command, "--folder", str(clip.parent / "farm")], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "Error: Name --workers N, or start it with LIVESTYLE_RAY_ADDRESS=ray://" in done.stderr


def test_a_file_that_is_named_twice_is_one_job(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two would write into one folder, and the first to end would remove it."""
    rendered: list[Job] = []
    monkeypatch.setattr(command, "connect", lambda _: SimpleNamespace(shutdown=lambda: None))
    monkeypatch.setattr(
        command, "Render", lambda *_: SimpleNamespace(files=rendered.extend, failed=set[str]())
    )
    monkeypatch.chdir(clip.parent)
    graph = str(ROOT / "workflows" / "api" / "restyle_a_video.json")
    assert command.main(["render", clip.name, str(clip), "--workflow", graph, "--folder", "farm"]) == 0
    assert [job.file for job in rendered] == [str(clip)]

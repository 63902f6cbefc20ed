"""Whatever is wrong is said in one line that helps, and the next Run works."""

from __future__ import annotations

import json
import pickle
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from comfy_client import ComfyClient, ComfyError
from comfy_server import ComfyServer
from graphs import LOAD, READ, Prompt, restyle
from sample_clips import make_audio, make_clip

from livestyle.engine.families import demo_checkpoints

Change = Callable[[Path, Prompt], None]


def _file(name: str, make: Callable[[Path], object] = lambda path: None) -> Change:
    """Read another file."""

    def change(base: Path, graph: Prompt) -> None:
        make(base / "input" / name)
        graph[READ]["inputs"]["file"] = name

    return change


def _model(name: str, content: bytes | None = None) -> Change:
    """Load another checkpoint."""

    def change(base: Path, graph: Prompt) -> None:
        if content is not None:
            folder = base / "models" / "stream_models"
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        graph[LOAD]["inputs"]["checkpoint"] = name

    return change


def _widget(node: str, name: str, value: object) -> Change:
    def change(base: Path, graph: Prompt) -> None:
        graph[node]["inputs"][name] = value

    return change


def _natural_size(name: str, size: tuple[int, int]) -> Change:
    """Read a clip of this size and keep it."""

    def change(base: Path, graph: Prompt) -> None:
        _file(name, lambda path: make_clip(path, frames=3, size=size, audio=False))(base, graph)
        graph["4"]["inputs"] |= {"width": 0, "height": 0}

    return change


def _truncated_clip(path: Path) -> None:
    make_clip(path)
    path.write_bytes(path.read_bytes()[:2000])


def _demo_copy(name: str, damage: Callable[[Path], None]) -> Change:
    """Load a copy of the demo checkpoint that something happened to."""

    def change(base: Path, graph: Prompt) -> None:
        copy = base / "models" / "stream_models" / name
        shutil.copytree(demo_checkpoints()[graph[LOAD]["inputs"]["checkpoint"]], copy, dirs_exist_ok=True)
        damage(copy)
        graph[LOAD]["inputs"]["checkpoint"] = name

    return change


def _truncate_largest(folder: Path) -> None:
    largest = max(folder.rglob("*.safetensors"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-100])


def _other_pipeline(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "StableDiffusionPipeline"}))


PICKLE = pickle.dumps({"weight": 1})
NOISE = random.Random(0).randbytes(5000)

# what is wrong, and a word that its line has to contain
WRONG: dict[str, tuple[Change, str]] = {
    "missing file": (_file("nowhere.mp4"), "nowhere.mp4"),
    "broken mp4": (
        _file("noise.mp4", lambda path: path.write_bytes(NOISE)),
        "noise.mp4",
    ),
    "truncated mp4": (_file("cut.mp4", _truncated_clip), "cut.mp4"),
    "empty file": (_file("empty.mp4", lambda path: path.write_bytes(b"")), "empty.mp4"),
    "zero frames": (_file("no_frames.mp4", lambda path: make_clip(path, frames=0)), "no_frames.mp4"),
    "audio only": (_file("sound.m4a", make_audio), "sound.m4a"),
    "outside the input folder": (_file("../../../../etc/passwd"), "passwd"),
    "one pixel": (_natural_size("pixel.mp4", (1, 1)), "width"),
    "unknown checkpoint": (_model("never_heard_of.safetensors"), "never_heard_of"),
    "checkpoint of another family": (_demo_copy("foreign", _other_pipeline), "foreign"),
    "truncated safetensors": (_demo_copy("cut", _truncate_largest), "cut"),
    "single truncated file": (_model("cut.safetensors", bytes(50)), "cut"),
    "pickle file": (_model("old.ckpt", PICKLE), "old"),
    "pickle in disguise": (_model("sly.safetensors", PICKLE), "sly"),
    "very long prompt": (_widget("3", "prompt", "paint " * 833), "prompt"),
    "too many steps": (_widget("4", "steps", 5000), "steps"),
    "width that is no multiple": (_widget("4", "width", 123), "use a multiple of"),
    "unknown noise": (_widget("4", "noise", "pink"), "noise"),
    "mode contradicts": (_widget("1", "mode", "write"), "frames"),
}


def _complaint(client: ComfyClient, graph: Prompt) -> str:
    """What ComfyUI says about a graph that can't work."""
    try:
        ended = client.run(graph)
    except ComfyError as refused:
        return str(refused)
    assert ended.status == "error"
    return ended.error


@pytest.mark.parametrize("case", WRONG)
def test_one_clear_line(
    case: str, server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str
) -> None:
    change, word = WRONG[case]
    graph = restyle(clip, checkpoint)
    change(server.base, graph)
    line = _complaint(client, graph)
    assert word in line
    assert "\n" not in line and len(line) < 400
    assert not any(noise in line for noise in ("Traceback", "Errno", "Error(", "NoneType"))


def test_the_next_run_works(server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str) -> None:
    for case in ("broken mp4", "truncated safetensors"):
        graph = restyle(clip, checkpoint)
        WRONG[case][0](server.base, graph)
        assert _complaint(client, graph)
        assert client.run(restyle(clip, checkpoint)).status == "success"

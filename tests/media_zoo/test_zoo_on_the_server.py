"""One animal of each kind through a real ComfyUI, as an artist's graph reads and writes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from test_zoo import check
from zoo import ZOO, Animal

pytestmark = pytest.mark.slow  # a real ComfyUI

ONE_OF_EACH = list({animal.kind: animal for animal in reversed(ZOO)}.values())[::-1]


@pytest.mark.parametrize("animal", ONE_OF_EACH, ids=str)
def test_the_server_plays_it_right(
    server: ComfyServer, client: ComfyClient, tmp_path: Path, animal: Animal
) -> None:
    made = animal.make(tmp_path)
    name = f"{animal.kind.replace(' ', '_')}{made.suffix}"
    made.rename(server.base / "input" / name)
    read = {
        "path": f'"{name}"',
        "images_fps": 24.0,
        "start": animal.trim.start,
        "fps": animal.trim.fps,
        "video_track": animal.tracks.video,
        "audio_track": animal.tracks.audio,
    }
    graph = {
        "1": {"class_type": "FrameStreamIO", "inputs": read},
        "2": {
            "class_type": "FrameStreamIO",
            "inputs": {"frames": ["1", 0], "filename_prefix": "zoo/%width%x%height%"},
        },
    }
    ended = client.run(graph, timeout=120)
    assert (ended.status, ended.error) == ("success", "")
    written = ended.outputs["2"]["video"][0]
    assert written["complete"]
    path = server.base / "output" / written["subfolder"] / written["filename"]
    assert path.name.startswith("96x64_"), path
    check(path, animal.right)

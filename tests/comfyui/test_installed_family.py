"""A family that pip installs is listed, loaded and played by the real ComfyUI (docs/add_a_family.md)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_fixtures import StartServer
from graphs import play, restyle, shown_file
from sample_clips import make_clip

TOY = Path(__file__).resolve().parents[1] / "support" / "toy_family"
BROKEN = "broken.dist-info"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the toy family as pip installs it, and beside it one that can't be imported."""
    source, target = tmp_path_factory.mktemp("source") / "toy", tmp_path_factory.mktemp("site")
    # pip leaves a build folder in the source
    shutil.copytree(TOY, source)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    (target / BROKEN).mkdir()
    (target / BROKEN / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (target / BROKEN / "entry_points.txt").write_text(
        "[livestyle.families]\nbroken = nowhere.family:FAMILY\n"
    )
    return target


def test_it_is_listed_and_plays(installed: Path, start_server: StartServer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]))
        server = start_server()
    client = ComfyClient(server.url)
    spec = client.object_info()["LoadStreamModel"]["input"]["required"]["checkpoint"]
    names = spec[1]["options"] if spec[0] == "COMBO" else spec[0]
    assert "demo: toy" in names and "demo: mllm-edit" in names
    clip = make_clip(server.input / "clip.mp4", frames=10)
    ended = client.run(restyle(clip.name, "demo: toy", prompt="red and blue change places"))
    assert ended.status == "success", ended.error
    made, source = play(shown_file(ended, server.output)["path"]).pixels, play(clip).pixels
    assert len(made) == len(source)
    means = [pixels.astype(np.float32).mean((0, 1, 2)) for pixels in (made, source)]
    assert np.abs(means[0] - means[1][::-1]).max() < 6  # red and blue have changed places, but for H.264
    assert np.abs(means[1] - means[1][::-1]).max() > 20  # which can be seen
    (line,) = [line for line in server.log.read_text(errors="replace").splitlines() if "left out" in line]
    assert "Family broken (nowhere.family:FAMILY) is left out" in line and "nowhere" in line

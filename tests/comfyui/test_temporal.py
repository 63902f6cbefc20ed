"""Adapters and optical flow on a real ComfyUI, through the templates that use them."""

from __future__ import annotations

import json
import urllib.request

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, LOAD, READ, WRITE, Prompt, generate, play, restyle, shown_file, workflow
from live_session import Run
from sample_clips import make_clip

FRAMES = 12
LITE, WITHOUT = "6", "7"


@pytest.fixture(scope="module")
def short(server: ComfyServer) -> str:
    """Half a second; its name in the input folder."""
    return make_clip(server.input / "half_second.mp4", frames=FRAMES, size=(128, 96)).name


def small(graph: Prompt, clip: str, checkpoint: str, adapter: str) -> Prompt:
    """A template with a small clip and an adapter that changes every picture."""
    graph[LOAD]["inputs"]["checkpoint"] = checkpoint
    graph[READ]["inputs"]["file"] = clip
    graph[LITE]["inputs"]["adapter"] = adapter
    for node in graph.values():
        if node["class_type"] == "StreamDenoise":
            node["inputs"] |= {"width": 128, "height": 96}
    return graph


def frames_of(server: ComfyServer, client: ComfyClient, graph: Prompt, node: str = WRITE) -> np.ndarray:
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    return play(shown_file(ended, server.output, node)["path"]).pixels.astype(int)


def test_restyle_with_a_temporal_adapter(
    server: ComfyServer, client: ComfyClient, checkpoint: str, short: str, adapter: str
) -> None:
    graph = small(workflow("restyle_with_temporal_adapter"), short, checkpoint, adapter)
    found = frames_of(server, client, graph)
    assert found.shape == (FRAMES, 96, 128, 3)
    graph[LITE]["inputs"]["multiplier"] = 0.0
    bare = frames_of(server, client, graph)
    assert np.abs(found - bare).mean() > 1
    plain = restyle(short, checkpoint, prompt="make it an oil painting")
    assert np.abs(bare - frames_of(server, client, plain)).mean() < 0.5


def test_compare_with_and_without(
    server: ComfyServer, client: ComfyClient, checkpoint: str, short: str, adapter: str
) -> None:
    graph = small(workflow("compare_with_and_without_adapter"), short, checkpoint, adapter)
    both = frames_of(server, client, graph)
    assert both.shape == (FRAMES, 96, 256, 3)
    left, right = both[:, :, :128], both[:, :, 128:]
    plain = frames_of(server, client, restyle(short, checkpoint, prompt="make it an oil painting"))
    away = [np.abs(half - plain).mean() for half in (left, right)]
    assert away[0] < 0.5 * away[1]  # not 0: a wider picture is compressed differently


def test_a_wrong_adapter_is_one_line(
    server: ComfyServer, client: ComfyClient, checkpoint: str, short: str, adapter: str
) -> None:
    graph = small(workflow("restyle_with_temporal_adapter"), short, checkpoint, "gone.safetensors")
    ended = client.run(graph)
    assert ended.status == "error"
    assert "adapter 'gone.safetensors' is not in models/controlnet" in ended.error


def test_generate(server: ComfyServer, client: ComfyClient) -> None:
    found = frames_of(server, client, generate("demo: mllm-edit", length=24))
    assert found.shape == (24, 64, 64, 3)
    assert found.std() > 2


def test_generate_until_stop(server: ComfyServer, client: ComfyClient, checkpoint: str) -> None:
    run = Run(client, generate(checkpoint, length=0))
    run.wait_frames(8)
    run.session().stop()
    assert run.end(30).status == "success"


def test_flow_warp_steadies_a_stream_and_tells_how_motion_is_found(
    server: ComfyServer, client: ComfyClient, checkpoint: str, short: str
) -> None:
    graph = restyle(short, checkpoint, noise="fresh")
    plain = frames_of(server, client, graph)
    graph["8"] = {
        "class_type": "FlowWarp",
        "inputs": {"frames": [DENOISE, 0], "estimator": "farneback", "scale": 1.0, "blend": 0.8},
    }
    graph[WRITE]["inputs"]["frames"] = ["8", 0]
    steady = frames_of(server, client, graph)
    assert len(steady) == FRAMES
    change = [np.abs(np.diff(clip, axis=0)).mean() for clip in (plain, steady)]
    assert change[1] < change[0]
    graph["9"] = {"class_type": "FlowWarp", "inputs": {"estimator": "farneback"}}
    graph[DENOISE]["inputs"] |= {"flow": ["9", 2], "noise": "flow_warped"}
    assert len(frames_of(server, client, graph)) == FRAMES


def test_help_pages_find_their_pictures(server: ComfyServer) -> None:
    with urllib.request.urlopen(f"{server.url}/extensions") as listed:
        script = next(path for path in json.load(listed) if path.endswith("livestyle.js"))
    docs = server.url + script.rsplit("/js/", 1)[0] + "/docs/"
    for picture in ("temporal_lllite.jpg", "flow_warp.jpg", "stream_denoise_noise.jpg"):
        with urllib.request.urlopen(docs + picture) as answer:
            assert answer.headers["Content-Type"] == "image/jpeg"

"""A causal video model on the canvas' own path: a reference picture, switches, and text alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, ENCODE, LOAD, READ, WRITE, Prompt, play, restyle, shown_file, workflow
from live_session import Run
from PIL import Image
from sample_clips import make_clip
from tiny_rtr_dit import tiny_autoencoder, write_demo, write_public

MODELS = Path("models/stream_models")


@pytest.fixture(scope="module")
def models(server: ComfyServer) -> str:
    """A random demo and a random public file in ComfyUI's folders, and a picture; the demo's name."""
    folder = server.base / MODELS
    write_demo(folder / "tiny")
    write_public(folder / "public", "self_forcing.safetensors")
    autoencoders = server.base / "models" / "vae"
    autoencoders.mkdir(parents=True, exist_ok=True)
    published = tiny_autoencoder(folder / "published", lead=0) / "diffusion_pytorch_model.safetensors"
    shutil.copy(published, autoencoders / "taew_tiny.safetensors")
    shutil.rmtree(folder / "published")
    Image.fromarray(np.full((40, 60, 3), (200, 40, 40), np.uint8)).save(server.input / "style.png")
    return "tiny/rtr-dit"


def with_reference(file: str, checkpoint: str, **switch: object) -> Prompt:
    """Style 1 is text, style 2 a picture."""
    graph = restyle(file, checkpoint, steps=2)
    graph["7"] = {"class_type": "LoadImage", "inputs": {"image": "style.png"}}
    graph["8"] = json.loads(json.dumps(graph[ENCODE]))
    graph["8"]["inputs"] |= {"prompt": "", "references": ["7", 0]}
    graph["6"] = {
        "class_type": "KVCacheStyleSwitch",
        "inputs": {"style": [ENCODE, 0], "style_2": ["8", 0], **switch},
    }
    graph[DENOISE]["inputs"]["conditioning"] = ["6", 0]
    return graph


@pytest.mark.parametrize("policy", ["refresh_last", "blend"])
def test_a_reference_takes_over_on_schedule(
    server: ComfyServer, client: ComfyClient, models: str, clip: str, policy: str
) -> None:
    ended = client.run(with_reference(clip, models, schedule="12:2", policy=policy))
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output)["path"])) == 24


def test_a_live_change_is_told_with_its_block(client: ComfyClient, models: str, long_clip: str) -> None:
    run = Run(client, with_reference(long_clip, models))
    run.wait_frames(4)
    session = run.session()
    with session.socket() as socket:
        socket.send(type="set", key="6.active", value=2, seq=1)
        applied = socket.wait_for("applied", key="6.active", seq=1)
        session.stop()
    assert run.end().status == "success"
    assert applied["frame"] % 4 == 1  # one frame in the first block, four in each later one


def test_a_public_file_plays_from_text_with_an_autoencoder_that_looks_ahead(
    server: ComfyServer, client: ComfyClient, models: str, clip: str
) -> None:
    graph = restyle(clip, "public/self_forcing.safetensors", steps=2)
    graph[LOAD]["inputs"]["autoencoder"] = "taew_tiny.safetensors"
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output)["path"])) == 24
    del graph[READ], graph[DENOISE]["inputs"]["frames"]
    graph[DENOISE]["inputs"] |= {"length": 20}
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output, WRITE)["path"])) == 20


@pytest.mark.parametrize("name", ["restyle_with_a_reference_image", "four_styles_on_a_timeline"])
def test_a_template_runs_as_it_is_shipped(server: ComfyServer, client: ComfyClient, name: str) -> None:
    graph = workflow(name)
    (read,) = (node for node in graph.values() if node["inputs"].get("mode") == "read")
    (write,) = (key for key, node in graph.items() if node["inputs"].get("mode") == "write")
    make_clip(server.input / read["inputs"]["file"], frames=30, size=(192, 112))
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output, write)["path"])) == 30


PUBLIC = {
    "text_to_video_stream": {},
    "self_forcing_on_a_video": {},
    "longlive_2_text_to_video": {},
    "image_to_video_stream": {"profile": "self_forcing_framewise"},
    "liveedit_on_a_webcam": {
        "checkpoint": "tiny/rtr-dit",
        "autoencoder": "auto",
        "steps": 2,
        "mask_cache": 0.0,
    },
}
"""Templates that need published files, and what the stand-ins need besides."""


@pytest.mark.parametrize("name", PUBLIC)
def test_a_template_for_public_files_plays_with_files_of_their_layout(
    server: ComfyServer, client: ComfyClient, models: str, clip: str, name: str
) -> None:
    """The files are gigabytes, so random ones stand in, and their own text encoder for ComfyUI's."""
    graph = workflow(name)
    for key in [key for key, node in graph.items() if node["class_type"].startswith("CLIP")]:
        del graph[key]
    for node in graph.values():
        inputs = node["inputs"]
        if node["class_type"] == "LoadStreamModel":
            inputs |= {
                "checkpoint": "public/self_forcing.safetensors",
                "autoencoder": "taew_tiny.safetensors",
                "text_encoder": "auto",
            }
        elif node["class_type"] == "MLLMEncode":
            inputs.pop("conditioning", None)
            inputs["prompt"] = "dark water"
        elif node["class_type"] == "StreamDenoise":
            inputs |= {"width": 64, "height": 48, "length": 0 if "frames" in inputs else 24}
        elif inputs.get("mode") == "read":
            inputs |= {"file": clip, "source": "file"}
        inputs |= {key: value for key, value in PUBLIC[name].items() if key in inputs}
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    (write,) = (key for key, node in graph.items() if node["inputs"].get("mode") == "write")
    assert len(play(shown_file(ended, server.output, write)["path"])) == 24


def test_stream_batch_loses_no_frame(
    server: ComfyServer, client: ComfyClient, models: str, clip: str
) -> None:
    graph = restyle(clip, models, steps=2, stream_batch=True)
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output)["path"])) == 24

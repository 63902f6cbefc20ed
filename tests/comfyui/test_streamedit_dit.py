"""StreamEdit-DiT on a real ComfyUI: both templates, live instructions, the readout of the window."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, ENCODE, LOAD, READ, Prompt, play, shown_file, workflow
from live_session import Run
from sample_clips import make_clip
from tiny_streamedit_dit import write_tiny_checkpoint
from two_scenes import make_two_scenes

FRAMES = 46
CUT = 25  # the first frame of the second scene, and of a chunk: one frame, then four each
SWITCH = "3"


WINDOW = r"(\d+ of )?(4|8|16)"
"""The window, and while its history fills, how much of it there is."""


@pytest.fixture(scope="module")
def tiny(server: ComfyServer) -> str:
    """A random checkpoint in models/stream_models; its name there."""
    folder = server.base / "models" / "stream_models"
    folder.mkdir(parents=True, exist_ok=True)
    return write_tiny_checkpoint(folder).name


def graph(server: ComfyServer, checkpoint: str, template: str, frames: int = FRAMES) -> Prompt:
    prompt = workflow(template)
    make_clip(server.input / prompt[READ]["inputs"]["file"], frames=frames, size=(96, 64))
    prompt[LOAD]["inputs"] |= {"checkpoint": checkpoint, "dtype": "fp32"}
    prompt[DENOISE]["inputs"] |= {"width": 64, "height": 48}
    return prompt


@pytest.mark.parametrize("template", ["instructed_editing", "adaptive_window_explained"])
def test_a_template_edits_every_frame_as_it_is_shipped(
    server: ComfyServer, client: ComfyClient, template: str
) -> None:
    prompt = workflow(template)
    file = server.input / prompt[READ]["inputs"]["file"]
    if "KVCacheStyleSwitch" in {node["class_type"] for node in prompt.values()}:
        clip = make_two_scenes(file, CUT, FRAMES - CUT)
    else:
        clip = make_clip(file, frames=FRAMES, size=(192, 112))
    ended = client.run(prompt)
    assert ended.status == "success", ended.error
    edited = play(shown_file(ended, server.output)["path"])
    assert edited.pixels.shape == (FRAMES, 192, 320, 3)
    source = np.stack([cv2.resize(frame, (320, 192)) for frame in play(clip).pixels])
    assert np.abs(edited.pixels - source.astype(np.float32)).mean() > 10  # grey levels: something was edited


def test_the_window_is_shown_and_an_instruction_is_live(
    server: ComfyServer, client: ComfyClient, tiny: str
) -> None:
    run = Run(client, graph(server, tiny, "instructed_editing", 24 * 120))
    run.wait_frames(8)
    session = run.session()
    with session.socket() as socket:
        shown = socket.wait_for("telemetry")["readouts"][DENOISE]["window"]
        assert re.fullmatch(WINDOW, shown)
        key = f"{ENCODE}.prompt"
        socket.send(type="set", key=key, value="glass and water", seq=1)
        assert socket.wait_for("received", key=key)["value"] == "glass and water"
        applied = socket.wait_for("applied", key=key)
        assert applied["frame"] % 4 == 1  # chunks are one frame, then four each
        session.stop()
    ended = run.end()
    assert ended.status == "success", ended.error


def test_a_cut_switches_the_instruction_as_the_template_says(
    server: ComfyServer, client: ComfyClient, tiny: str
) -> None:
    prompt = graph(server, tiny, "adaptive_window_explained")
    at = CUT + 4 * 60
    make_two_scenes(server.input / prompt[READ]["inputs"]["file"], at, 24 * 60, size=(96, 64))
    run = Run(client, prompt)
    session = run.session()
    with session.socket() as socket:
        told = socket.wait_for("scheduled", key=f"{SWITCH}.active")
        assert (told["value"], told["frame"]) == (2, at)
        shown = socket.wait_for("telemetry")["readouts"][DENOISE]["window"]
        assert re.fullmatch(WINDOW, shown)
        session.stop()
    ended = run.end()
    assert ended.status == "success", ended.error


def test_the_demo_that_is_not_there_is_one_line(server: ComfyServer, client: ComfyClient, tiny: str) -> None:
    prompt = graph(server, "demo: tbd", "instructed_editing", 8)
    ended = client.run(prompt)
    assert ended.status == "error"
    assert "demo: tbd is not in this pack: train it with scripts/train.py" in ended.error

"""A cue list on a real ComfyUI: a file renders the same without a page, and a take has what a hand did."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, WRITE, Prompt, play, restyle, shown_file, workflow
from live_session import Run
from sample_clips import make_clip

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to start a ComfyUI alone

STRENGTH, PROMPT = f"{DENOISE}.strength", "3.prompt"


def _changes(path: Path) -> list[dict[str, Any]]:
    text = path.with_suffix(".take.jsonl").read_text(encoding="utf-8")
    return [line for line in map(json.loads, text.split("\n")[1:-1]) if "key" in line]


def _by_frame(path: Path, key: str) -> dict[int, Any]:
    return {line["frame"]: line["value"] for line in _changes(path) if line["key"] == key}


def _show(server: ComfyServer, checkpoint: str, frames: int) -> Prompt:
    """The template's cues on a small clip."""
    clip = make_clip(server.input / f"show_{frames}.mp4", frames=frames).name
    graph = restyle(clip, checkpoint, width=64, height=64)
    graph[WRITE]["_meta"] = workflow("cue_list_show")[WRITE]["_meta"]
    return graph


def test_a_file_renders_the_same_without_a_page(
    server: ComfyServer, client: ComfyClient, checkpoint: str
) -> None:
    graph = _show(server, checkpoint, 96)
    first = shown_file(client.run(graph), server.output)["path"]
    graph[WRITE]["inputs"]["filename_prefix"] = "again"  # else ComfyUI has it already
    again = shown_file(client.run(graph), server.output)["path"]
    assert np.array_equal(play(first).pixels, play(again).pixels)
    assert _changes(first) == _changes(again)
    strengths = _by_frame(first, STRENGTH)
    assert strengths == {0: 0.0, 28: pytest.approx(1 / 3), 32: pytest.approx(2 / 3), 36: 1.0}
    prompts = {0: "make it an oil painting", 48: "turn it into a pencil sketch", 72: "make it a watercolour"}
    assert _by_frame(first, PROMPT) == prompts


def test_a_take_has_what_a_hand_did_with_the_cues(
    server: ComfyServer, client: ComfyClient, checkpoint: str
) -> None:
    graph = _show(server, checkpoint, 1440)
    run = Run(client, graph)
    session = run.session()
    live = f"/livestyle/sessions/{session.id}/live"
    own = {"token": session.token}
    run.wait_frames(8)
    client.request(live, {**own, "action": "hold"})
    number = client.request(f"{live}?token={session.token}")["cues"]["now"]
    for _ in range(number, 4):
        client.request(live, {**own, "action": "go"})
    for _ in range(2400):
        cues = client.request(f"{live}?token={session.token}")["cues"]
        if cues["now"] == 4:
            break
        time.sleep(0.05)
    assert cues["held"] and cues["next"] == ""
    run.wait_frames(100)
    session.stop()
    first = shown_file(run.end(), server.output)
    assert list(_by_frame(first["path"], PROMPT).values())[-1] == "make it an oil painting"
    graph[WRITE]["inputs"]["take"] = f"{first['take']['subfolder']}/{first['take']['filename']} [output]"
    rendered = shown_file(client.run(graph), server.output)
    assert np.array_equal(play(rendered["path"]).pixels, play(first["path"]).pixels)
    assert _changes(rendered["path"]) == _changes(first["path"])

"""Another model for a stream that plays, on a real ComfyUI: the graph is queued again, the file goes on."""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import time
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, ENCODE, LOAD, READ, WRITE, Prompt, play, restyle, shown_file
from in_background import begin, end, endless, in_background, listed, plays_on, wait_until
from live_session import Session
from sample_clips import make_clip

from livestyle.engine.families import demo_checkpoints

TURNS = int(os.environ.get("LIVESTYLE_TURNS", 2))
"""Of each kind of change that is measured."""

FRAMES = 160
"""With eight steps they take longer than a model takes to be built."""


def queue(tab: ComfyClient, graph: Prompt, load: str = "", **denoise: Any) -> Any:
    """Run the graph again with another checkpoint or other widgets; how that ended."""
    if load:
        graph[LOAD]["inputs"]["checkpoint"] = load
    graph[DENOISE]["inputs"] |= denoise
    return tab.run(graph)


def file_of(server: ComfyServer, tab: ComfyClient, session: Session) -> Path:
    """What it has left, once it has ended."""
    wait_until(lambda: session.state() is None)
    (entry,) = [each for each in listed(tab, "ended") if each["session"] == session.id]
    (file,) = entry["files"].values()
    assert entry["state"] == "done" and file["complete"], entry
    return server.output / file["subfolder"] / file["filename"]


def test_a_file_goes_on_with_what_the_new_model_makes(
    server: ComfyServer, client: ComfyClient, tab: ComfyClient, checkpoint: str
) -> None:
    clip = make_clip(server.input / "swapped.mp4", frames=FRAMES).name
    graph = in_background(restyle(clip, checkpoint, steps=8))
    session = begin(tab, graph)
    ended = queue(tab, graph, steps=1, strength=0.8)
    assert ended.status == "success", ended.error
    path = file_of(server, tab, session)
    whole = play(path)
    assert len(whole) == FRAMES and abs(whole.audio_seconds - FRAMES / 24) < 0.1
    *_, last = map(json.loads, path.with_suffix(".take.jsonl").read_text("utf-8").splitlines())
    border = last["end"]
    assert 0 < border < FRAMES - 12 and last["swapped"].endswith("(steps)")

    def alone(first: int, **denoise: Any) -> np.ndarray:
        graph = restyle(clip, checkpoint, **denoise)
        graph[READ]["inputs"] |= {"start": first / 24, "duration": 0.5}
        return play(shown_file(client.run(graph), server.output)["path"]).pixels.astype(float)

    new, old = alone(border, steps=1, strength=0.8), alone(border, steps=8)
    after = whole.pixels[border : border + 12].astype(float)
    assert np.abs(after - new).mean() < 2 < np.abs(after - old).mean()
    before = whole.pixels[border - 8 : border].astype(float)
    assert np.abs(before - alone(border - 8, steps=8)[:8]).mean() < 2


def test_another_file_joins(server: ComfyServer, tab: ComfyClient, checkpoint: str, long_clip: str) -> None:
    clip = make_clip(server.input / "next.mp4", frames=12, fps=Fraction(12), size=(96, 96)).name
    (server.input / "broken.mp4").write_bytes(b"no film")
    graph = in_background(restyle(long_clip, checkpoint))
    session = begin(tab, graph)
    graph[READ]["inputs"]["file"] = "broken.mp4"
    ended = queue(tab, graph, strength=0.5)
    assert ended.status == "error" and "plays on as it was" in ended.error and "\n" not in ended.error
    plays_on(tab, session)
    graph[READ]["inputs"]["file"] = clip
    ended = queue(tab, graph, strength=1.0)
    assert ended.status == "success", ended.error
    path = file_of(server, tab, session)
    *_, last = map(json.loads, path.with_suffix(".take.jsonl").read_text("utf-8").splitlines())
    border, whole = last["end"], play(path)
    assert last["swapped"] == "the source next.mp4" and len(whole) == border + 24
    alone = restyle(clip, checkpoint)
    alone[READ]["inputs"]["fps"] = 24.0
    made = play(shown_file(tab.run(alone), server.output)["path"]).pixels.astype(float)
    assert np.abs(whole.pixels[border:].astype(float) - made).mean() < 2
    with av.open(str(path)) as file:
        shown = [float(frame.pts * frame.time_base) for frame in file.decode(video=0)]
    assert np.allclose(np.diff(shown), 1 / 24, atol=1e-3)
    with av.open(str(path)) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    at = round(border / 24 * 48_000)
    assert np.abs(heard[: at - 4800]).max() > 0.05 and np.abs(heard[at + 4800 :]).max() < 0.01
    assert abs(len(heard) / 48_000 - len(whole) / 24) < 0.1


def test_families_take_over_from_each_other_and_memory_comes_back(
    server: ComfyServer, tab: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    graph = in_background(restyle(long_clip, checkpoint))
    session, process, held = begin(tab, graph), psutil.Process(server.pid), []
    others = [checkpoint.replace("mllm-edit", name) for name in ("streamedit-dit", "mllm-edit")]
    for turn in range(max(4, 2 * TURNS)):
        ended = queue(tab, graph, others[turn % 2])
        assert ended.status == "success", ended.error
        plays_on(tab, session)
        held.append(process.memory_info().rss / 1e6)
    print("MB after each swap:", *map(round, held))
    assert held[-1] - held[1] < 60
    (entry,) = listed(tab)
    assert f"{LOAD}.lora_strength" not in entry["live"] and f"{DENOISE}.strength" in entry["live"]
    assert end(tab, session)["state"] == "done"


def test_what_cant_be_loaded_leaves_the_old_one(
    server: ComfyServer, tab: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    cut = server.base / "models" / "stream_models" / "cut"
    shutil.copytree(demo_checkpoints()[checkpoint], cut, dirs_exist_ok=True)
    largest = max(cut.rglob("*.safetensors"), key=lambda file: file.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    graph = in_background(restyle(long_clip, checkpoint))
    session = begin(tab, graph)
    ended = queue(tab, graph, "cut", strength=0.5)
    assert ended.status == "error" and "cut" in ended.error and "\n" not in ended.error
    plays_on(tab, session)
    with session.socket() as page:
        assert page.wait_for("live")["values"][f"{DENOISE}.strength"] == 1.0
    assert queue(tab, graph, checkpoint).status == "success"
    assert queue(tab, graph, steps=2).status == "success"
    plays_on(tab, session)


def test_an_adapter_comes_with_its_live_value_and_goes(
    tab: ComfyClient, checkpoint: str, adapter: str
) -> None:
    graph = endless(checkpoint)
    session = begin(tab, graph)
    with session.socket() as page:
        graph["9"] = {"class_type": "TemporalLLLite", "inputs": {"model": [LOAD, 0], "adapter": adapter}}
        assert queue(tab, graph, model=["9", 0]).status == "success"
        page.send(type="set", key="9.multiplier", value=0.5)
        assert page.wait_for("applied", key="9.multiplier")["frame"] > 0
        assert queue(tab, graph, model=[LOAD, 0], strength=0.5).status == "success"
        page.wait_for("applied", key=f"{DENOISE}.strength")
        page.send(type="set", key="9.multiplier", value=1.0)
        assert "not a live setting" in page.wait_for("error", key="9.multiplier")["message"]


def test_stop_while_it_is_built_ends_both(tab: ComfyClient, checkpoint: str) -> None:
    graph = endless(checkpoint)
    session = begin(tab, graph)
    graph[LOAD]["inputs"]["checkpoint"] = checkpoint.replace("mllm-edit", "stream-dit")
    queued = tab.queue(graph)
    session.stop()
    wait_until(lambda: tab.outcome(queued))
    wait_until(lambda: session.state() is None)
    assert "\n" not in tab.outcome(queued).error


def test_a_run_and_a_cue_are_seen_soon(tab: ComfyClient, checkpoint: str, long_clip: str) -> None:
    """The figures of docs/perform.md: ``LIVESTYLE_TURNS=20 pytest -s tests/comfyui/test_swap.py -k soon``.

    From queueing the graph, or from go, to the receipt of the picture that shows it.
    """
    graph = in_background(restyle(long_clip, checkpoint))
    strength, prompt = (DENOISE, "strength"), (ENCODE, "prompt")
    cues = [{"name": "c", "values": {f"{DENOISE}.strength": number / 1000}} for number in range(TURNS)]
    bank = {"format": "livestyle-presets", "version": 2, "presets": [], "cues": {"list": cues}}
    graph[WRITE]["_meta"] = {"livestyle_presets": bank}
    session, times = begin(tab, graph), defaultdict(list)
    others = checkpoint.replace("mllm-edit", "rtr-dit"), checkpoint

    def seen(name: str, act: Any, key: tuple[str, str]) -> None:
        begun = time.monotonic()
        act()
        page.wait_for("applied", key=".".join(key))
        times[name].append(1000 * (time.monotonic() - begun))

    def turn(name: str, key: tuple[str, str], value: Any, **load: str) -> None:
        graph[key[0]]["inputs"][key[1]] = value
        graph[LOAD]["inputs"] |= load
        queued: list[str] = []
        seen(name, lambda: queued.append(tab.queue(graph)), key)
        assert wait_until(lambda: tab.outcome(queued[0])).status == "success"

    live = f"/livestyle/sessions/{session.id}/live"
    with session.socket() as page:
        for number in range(TURNS):
            turn("a number by a Run", strength, 0.5 + number / 100)
            turn("a prompt by a Run", prompt, f"oil painting {number}")
            go = {"token": session.token, "action": "go"}
            seen("a cue's go over HTTP", lambda go=go: tab.request(live, go), strength)
            turn("a model by a Run", strength, 0.8 + number / 1000, checkpoint=others[number % 2])
    for name, ms in times.items():
        p95 = sorted(ms)[math.ceil(0.95 * len(ms)) - 1]
        print(f"{name}: median {statistics.median(ms):.0f}, p95 {p95:.0f} ms")
        assert len(ms) == TURNS

"""A take renders again on a real ComfyUI: after a crash, from a live source, and larger."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_fixtures import StartServer
from comfy_server import ComfyServer
from graphs import DENOISE, LOAD, READ, WRITE, Prompt, default_workflow, play, restyle, shown_file
from live_session import Run
from sample_clips import make_clip
from stream_servers import free_port, publisher

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to start a ComfyUI alone

SINE = {"signal": "sine", "offset": 0.5, "depth": 0.5}
RANDOM = {"signal": "random", "offset": 50, "depth": 40, "rate": 4}

STRENGTH, PROMPT, SEED = f"{DENOISE}.strength", "3.prompt", f"{DENOISE}.seed"


def take_of(path: Path) -> list[dict[str, Any]]:
    """The lines of the take beside a file."""
    text = path.with_suffix(".take.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def changes_of(path: Path) -> list[dict[str, Any]]:
    return [line for line in take_of(path)[1:] if "key" in line]


def perform(run: Run) -> int:
    """Change what can be changed, while it plays; the frame from which on all of it shows."""
    run.wait_frames(4)
    frames = []
    with run.session().socket() as socket:
        socket.send(type="set", key=STRENGTH, value=0.35, seq=1)
        frames.append(socket.wait_for("applied", key=STRENGTH)["frame"])
        socket.send(type="recall", values={SEED: 77, PROMPT: "pencil sketch", STRENGTH: 0.9}, fade=0.5)
        for key in (SEED, PROMPT, STRENGTH):
            frames.append(socket.wait_for("applied", key=key)["frame"])
    return max(frames)


def name_of(server: ComfyServer, path: Path) -> str:
    """What the widget ``take`` calls the take beside a file."""
    return f"{path.with_suffix('.take.jsonl').relative_to(server.output).as_posix()} [output]"


def test_a_take_renders_again_to_the_bit_after_a_crash(start_server: StartServer, checkpoint: str) -> None:
    server = start_server()
    clip = make_clip(server.input / "clip.mp4", frames=30 * 24).name
    graph = restyle(clip, checkpoint, width=64, height=64)
    run = Run(ComfyClient(server.url), graph)
    shown = perform(run)
    run.wait_frames(shown + 36)  # some of it in a fragment that is on the disk
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    (crashed,) = server.output.rglob("*.mp4")
    header, *changes = take_of(crashed)
    assert not any("end" in line for line in changes) and {line["key"] for line in changes} == {
        STRENGTH,
        SEED,
        PROMPT,
    }
    assert header["source"][READ]["name"] == clip and header["size"] == [64, 64]
    assert header["graph"][DENOISE]["inputs"]["width"] == 64

    server.start()
    graph[WRITE]["inputs"]["take"] = name_of(server, crashed)
    again = Run(ComfyClient(server.url), graph)
    left = play(crashed).pixels
    assert len(left) > shown
    again.wait_frames(len(left) + 8)
    again.session().stop()
    rendered = shown_file(again.end(), server.output)["path"]
    assert np.array_equal(play(rendered).pixels[: len(left)], left)
    assert changes_of(rendered) == changes
    server.stop()


def test_a_take_renders_again_larger_and_a_stopped_one_ends_where_it_did(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    graph = restyle(long_clip, checkpoint, width=64, height=64)
    run = Run(client, graph)
    shown = perform(run)
    run.wait_frames(shown + 4)
    run.session().stop()
    first = shown_file(run.end(), server.output)
    assert first["take"]["filename"] == first["path"].with_suffix(".take.jsonl").name
    graph[WRITE]["inputs"]["take"] = name_of(server, first["path"])

    same = shown_file(client.run(graph), server.output)
    assert np.array_equal(play(same["path"]).pixels, play(first["path"]).pixels)
    assert take_of(same["path"])[1:] == take_of(first["path"])[1:]

    graph[DENOISE]["inputs"] |= {"width": 128, "height": 128}
    larger = shown_file(client.run(graph), server.output)
    assert (larger["frames"], take_of(larger["path"])[0]["size"]) == (first["frames"], [128, 128])
    assert take_of(larger["path"])[1:] == take_of(first["path"])[1:]


def test_what_modulators_made_renders_again_and_the_file_opens_with_them(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    graph = restyle(long_clip, checkpoint, width=64, height=64)
    graph[DENOISE]["_meta"] = {"livestyle_modulators": {"strength": SINE}}
    run = Run(client, graph)
    run.wait_frames(8)
    with run.session().socket() as socket:
        socket.send(type="modulate", key=STRENGTH, modulator=SINE | {"signal": "square"}, seq=1)
        socket.send(type="modulate", key=SEED, modulator=RANDOM, seq=2)
        shown = max(socket.wait_for("applied", key=key)["frame"] for key in (STRENGTH, SEED))
    run.wait_frames(shown + 16)
    run.session().stop()
    first = shown_file(run.end(), server.output)
    told = [line["modulator"] for line in changes_of(first["path"]) if "modulator" in line]
    signals = [(each["signal"], each["offset"]) for each in told]
    assert signals[0] == ("sine", 0.5) and sorted(signals[1:]) == [("random", 50.0), ("square", 0.5)]
    assert len({line["value"] for line in changes_of(first["path"]) if line["key"] == SEED}) > 1

    graph[WRITE]["inputs"]["take"] = name_of(server, first["path"])
    again = shown_file(client.run(graph), server.output)
    assert np.array_equal(play(again["path"]).pixels, play(first["path"]).pixels)
    assert take_of(again["path"])[1:] == take_of(first["path"])[1:]
    for each in (first, again):
        with av.open(str(each["path"])) as container:
            node = json.loads(container.metadata["prompt"])[DENOISE]
        kept = {name: each["signal"] for name, each in node["_meta"]["livestyle_modulators"].items()}
        assert kept == {"strength": "square", "seed": "random"}
        assert node["inputs"]["strength"] == graph[DENOISE]["inputs"]["strength"]


@pytest.mark.slow
def test_a_live_take_renders_again_from_its_recorded_source(
    server: ComfyServer, client: ComfyClient, checkpoint: str
) -> None:
    into = f"udp://127.0.0.1:{free_port()}"
    graph: Prompt = default_workflow()
    graph[READ]["inputs"] = {"mode": "read", "source": "network", "url": into, "allow_private": True}
    graph[LOAD]["inputs"]["checkpoint"] = checkpoint
    graph[DENOISE]["inputs"] |= {"width": 64, "height": 64}
    graph[WRITE]["inputs"]["record_source"] = True
    with publisher("-f", "mpegts", f"{into}?pkt_size=1316"):
        run = Run(client, graph)
        shown = perform(run)
        run.wait_frames(shown + 4)
        run.session().stop()
        live = shown_file(run.end(), server.output)
    source = live["path"].with_suffix(".source.mkv")
    assert len(play(source)) == live["frames"]
    graph[WRITE]["inputs"] |= {"take": name_of(server, live["path"]), "record_source": False}
    again = shown_file(client.run(graph), server.output)  # nobody sends any more
    one, other = (play(each["path"]).pixels for each in (live, again))
    assert one.shape == other.shape
    print(f"equal frames: {(one == other).all(axis=(1, 2, 3)).sum()} of {len(one)}")
    assert ssim(one, other) >= 0.98
    assert take_of(again["path"])[1:] == take_of(live["path"])[1:]


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """The mean over all pictures and channels, as Wang et al. (2004) have it."""
    x, y = (pictures.astype(np.float64) for pictures in (one, other))
    blur = partial(cv2.GaussianBlur, ksize=(11, 11), sigmaX=1.5)

    def of(a: np.ndarray, b: np.ndarray) -> float:
        mean_a, mean_b = blur(a), blur(b)
        variances = blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
        covariance, c1, c2 = blur(a * b) - mean_a * mean_b, 6.5025, 58.5225
        up = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
        return float(np.mean(up / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))))

    return float(np.mean([of(*pair) for pair in zip(x, y, strict=True)]))


@pytest.mark.parametrize(
    ("take", "reason"),
    [
        ("../../../etc/passwd", "outside ComfyUI's folders"),
        ("/etc/passwd", "outside ComfyUI's folders"),
        ("one_second.mp4", "no take"),
        ("gone.take.jsonl", "is not in ComfyUI's input folder"),
    ],
)
def test_a_wrong_take_is_one_line(
    client: ComfyClient, checkpoint: str, clip: str, take: str, reason: str
) -> None:
    graph = restyle(clip, checkpoint, width=64, height=64)
    graph[WRITE]["inputs"]["take"] = take
    outcome = client.run(graph)
    assert outcome.status == "error" and reason in outcome.error and "\n" not in outcome.error

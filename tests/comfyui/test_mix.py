"""Two streams in one on a real ComfyUI: faded, as an inset, by a mask, and as a take."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, READ, WRITE, Clip, Prompt, default_workflow, play, restyle, shown_file
from live_session import Run
from sample_clips import make_clip
from stream_servers import free_port, publisher

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to start a ComfyUI alone

SECOND, MIX = "6", "7"
BALANCE = f"{MIX}.balance"


def _mixed(graph: Prompt, a: str, b: str, **widgets: Any) -> Prompt:
    """The graph with a mix of two of its streams before the node that writes."""
    streams = {"frames": [a, 0], "frames_b": [b, 0]}
    graph[MIX] = {"class_type": "FrameStreamIO", "inputs": {"mode": "mix", **streams, **widgets}}
    graph[WRITE]["inputs"]["frames"] = [MIX, 0]
    return graph


def _grey(pixels: np.ndarray) -> np.ndarray:
    return np.stack([cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in pixels]).astype(float)


@pytest.fixture(scope="module")
def copies(server: ComfyServer) -> Prompt:
    """A clip of 24 frames, and the second half of it as another stream, without a model."""
    clip = make_clip(server.input / "mixed.mp4").name
    graph = {node: default_workflow()[node] for node in (READ, WRITE)}
    graph[READ]["inputs"]["file"] = clip
    graph[SECOND] = {"class_type": "FrameStreamIO", "inputs": {"mode": "read", "file": clip, "start": 0.5}}
    graph[WRITE]["inputs"]["quality"] = 0
    return graph


def test_pictures_are_mixed_as_told(server: ComfyServer, client: ComfyClient, copies: Prompt) -> None:
    def run(**widgets: Any) -> Clip:
        graph = {node: {**each, "inputs": dict(each["inputs"])} for node, each in copies.items()}
        prompt = _mixed(graph, READ, SECOND, **widgets) if widgets else graph
        prompt[WRITE]["inputs"].setdefault("frames", [READ, 0])
        return play(shown_file(client.run(prompt), server.output)["path"])

    a = run(balance=0.0)
    frames = a.pixels
    assert len(a) == 24 and a.audio_seconds == pytest.approx(1.0, abs=0.1)  # A's sound
    held = frames[[*range(12, 24), *[23] * 12]]  # B ends and stands still
    assert np.array_equal(run(balance=1.0).pixels, held)

    half = np.abs(run(balance=0.5).pixels - (frames / 2 + held / 2))
    assert half.mean() < 1 and half.max() < 8  # colour is kept at half the size

    inset = run(mix="picture in picture", inset_size=0.5, inset_x=1.0, inset_y=0.0).pixels
    assert np.array_equal(inset[:, 52:], frames[:, 52:])
    assert np.array_equal(inset[:, :, :60], frames[:, :, :60])
    small = np.stack([cv2.resize(each, (64, 48), interpolation=cv2.INTER_AREA) for each in held])
    assert np.abs(_grey(inset[:, :48, 64:]) - _grey(small)).mean() < 1.5

    bright = _grey(frames)[..., None] / 255
    masked = run(mix="mask", mask=[READ, 0]).pixels
    assert np.abs(masked - (frames * (1 - bright) + held * bright)).mean() < 2


def test_a_take_of_a_crossfade_renders_again_to_the_bit(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    graph = restyle(long_clip, checkpoint, width=64, height=64)
    graph = _mixed(graph, READ, DENOISE, balance=0.0)
    run = Run(client, graph)
    run.wait_frames(8)
    with run.session().socket() as socket:
        socket.send(type="set", key=BALANCE, value=0.35, seq=1)
        socket.wait_for("applied", key=BALANCE)
        socket.send(type="recall", values={BALANCE: 1.0}, fade=0.5)
        shown = socket.wait_for("applied", key=BALANCE)["frame"]
    run.wait_frames(shown + 8)
    run.session().stop()
    first = shown_file(run.end(), server.output)
    take = f"{first['take']['subfolder']}/{first['take']['filename']} [output]"
    graph[WRITE]["inputs"]["take"] = take
    again = shown_file(client.run(graph), server.output)
    assert np.array_equal(play(again["path"]).pixels, play(first["path"]).pixels)
    lines = [each["path"].with_suffix(".take.jsonl").read_text().split("\n")[1:] for each in (first, again)]
    assert lines[0] == lines[1] and sum(BALANCE in line for line in lines[0]) >= 10  # a step a frame


def test_two_live_sources_are_mixed_and_recorded_beside(
    server: ComfyServer, client: ComfyClient, copies: Prompt
) -> None:
    graph = {node: {**each, "inputs": dict(each["inputs"])} for node, each in copies.items()}
    addresses = [f"udp://127.0.0.1:{free_port()}" for _ in range(2)]
    for node, url in zip((READ, SECOND), addresses, strict=True):
        graph[node]["inputs"] = {"mode": "read", "source": "network", "url": url, "allow_private": True}
    graph = _mixed(graph, READ, SECOND, balance=0.0)
    graph[WRITE]["inputs"]["record_source"] = True
    a, b = (publisher("-f", "mpegts", f"{url}?pkt_size=1316") for url in addresses)
    with a, b:
        run = Run(client, graph)
        run.wait_frames(8)
        with run.session().socket() as socket:
            socket.send(type="set", key=BALANCE, value=1.0, seq=1)
            shown = socket.wait_for("applied", key=BALANCE)["frame"]
        run.wait_frames(shown + 16)
        run.session().stop()
        entry = shown_file(run.end(), server.output)
    first, path = play(entry["path"]).pixels, entry["path"]
    assert all(path.with_suffix(f".source{number}.mkv").exists() for number in ("", "2"))
    graph[WRITE]["inputs"] |= {
        "record_source": False,
        "take": f"{path.parent.name}/{path.stem}.take.jsonl [output]",
    }
    again = play(shown_file(client.run(graph), server.output)["path"]).pixels
    away = np.abs(again.astype(int) - first).mean(axis=(1, 2, 3))
    assert len(again) == len(first) and away[:shown].max() == 0  # B may have come later than it was sent

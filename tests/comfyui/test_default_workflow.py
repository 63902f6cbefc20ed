"""The main job: a clip goes through the default workflow and comes out restyled."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from comfy_client import ComfyClient, Event
from comfy_server import ComfyServer
from graphs import READ, WRITE, default_workflow, play, restyle, shown_file
from sample_clips import make_clip


def test_workflow_runs_as_it_is_shipped(server: ComfyServer, client: ComfyClient, checkpoint: str) -> None:
    graph = default_workflow()
    make_clip(server.input / graph[READ]["inputs"]["file"], frames=12, size=(192, 112))
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output)["path"])) == 12


# the last chunk is padded and trimmed: a full chunk, one frame more, one less, a single frame
@pytest.mark.parametrize("frames", [24, 17, 15, 1])
@pytest.mark.parametrize("audio", [True, False])
def test_frames_rate_and_audio_survive(
    server: ComfyServer, client: ComfyClient, checkpoint: str, frames: int, audio: bool
) -> None:
    rate = Fraction(30000, 1001)
    source = make_clip(server.input / f"clip_{frames}_{audio}.mp4", frames=frames, fps=rate, audio=audio)
    ended = client.run(restyle(source.name, checkpoint))
    assert ended.status == "success", ended.error
    shown = shown_file(ended, server.output)
    assert (shown["frames"], shown["complete"], shown["type"]) == (frames, True, "output")
    result, before = play(shown["path"]), play(source)
    assert result.pixels.shape == (frames, 96, 128, 3)
    if frames > 1:
        assert abs(result.fps - rate) < Fraction(1, 100)
    assert result.audio_seconds == pytest.approx(before.audio_seconds, abs=1 / 24 if audio else 0)


def test_one_run_is_one_history_entry_with_monotonic_progress(
    client: ComfyClient, checkpoint: str, clip: str
) -> None:
    before = len(client.history())
    seen: list[Event] = []
    assert client.run(restyle(clip, checkpoint), seen.append).status == "success"
    assert len(client.history()) == before + 1
    done = [e["data"]["value"] for e in seen if e["type"] == "progress" and e["data"]["node"] == WRITE]
    assert done == sorted(done)
    assert done[-1] == 24


def test_the_file_restores_the_graph(
    server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str
) -> None:
    graph, workflow = restyle(clip, checkpoint), {"version": 0.4, "nodes": [], "links": []}
    ended = client.run(graph, workflow=workflow)
    tags = play(shown_file(ended, server.output)["path"]).tags
    assert json.loads(tags["prompt"]) == graph
    assert json.loads(tags["workflow"]) == workflow


def test_two_runs_in_a_row_write_two_equal_files(
    server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str
) -> None:
    graph = restyle(clip, checkpoint, seed=5)
    first, second = (shown_file(client.run(graph), server.output) for _ in range(2))
    assert first["path"] != second["path"]
    np.testing.assert_array_equal(play(first["path"]).pixels, play(second["path"]).pixels)


def test_a_run_after_free_loads_again(client: ComfyClient, checkpoint: str, clip: str) -> None:
    assert client.run(restyle(clip, checkpoint)).status == "success"
    client.free()
    assert client.run(restyle(clip, checkpoint)).status == "success"


def test_the_prompt_matters_and_an_empty_one_gives_the_source(
    server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str
) -> None:
    def pixels(prompt: str) -> np.ndarray:
        ended = client.run(restyle(clip, checkpoint, prompt=prompt))
        assert ended.status == "success", ended.error
        return play(shown_file(ended, server.output)["path"]).pixels.astype(np.float32)

    source = play(server.input / clip).pixels.astype(np.float32)
    plain, styled = pixels(""), pixels("pencil sketch")
    assert np.abs(plain - source).mean() < np.abs(styled - source).mean()


def test_strength_zero_is_the_source(
    server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str
) -> None:
    ended = client.run(restyle(clip, checkpoint, strength=0.0))
    result = play(shown_file(ended, server.output)["path"]).pixels.astype(np.float32)
    source = play(server.input / clip).pixels.astype(np.float32)
    assert np.abs(result - source).mean() < 12  # the autoencoder and two H.264 passes

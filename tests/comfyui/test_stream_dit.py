"""StreamDiT on a real ComfyUI: text to video, and a video through it."""

from __future__ import annotations

import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, ENCODE, LOAD, READ, Prompt, play, shown_file, workflow
from live_session import Run
from sample_clips import make_clip
from tiny_stream_dit import write_tiny_checkpoint


@pytest.fixture(scope="module")
def tiny(server: ComfyServer) -> str:
    """A random checkpoint in models/stream_models; its name there."""
    folder = server.base / "models" / "stream_models"
    folder.mkdir(parents=True, exist_ok=True)
    return write_tiny_checkpoint(folder, name="tiny-stream-dit").name


def small(name: str, checkpoint: str, **denoise: object) -> Prompt:
    """A template with the random checkpoint and a small picture."""
    graph = workflow(name)
    graph[LOAD]["inputs"] |= {"checkpoint": checkpoint, "dtype": "fp32"}
    graph[ENCODE]["inputs"]["prompt"] = "a red circle"
    graph[DENOISE]["inputs"] |= {"width": 64, "height": 32, **denoise}
    return graph


def generate(checkpoint: str, length: int) -> Prompt:
    return small("endless_text_to_video", checkpoint, length=length)


def test_text_to_video_has_the_length_that_was_asked_for(
    server: ComfyServer, client: ComfyClient, tiny: str
) -> None:
    ended = client.run(generate(tiny, 30))
    assert ended.status == "success", ended.error
    film = play(shown_file(ended, server.output)["path"])
    assert film.pixels.shape == (30, 32, 64, 3)
    assert film.fps == 16


def test_prompt_and_chunk_change_while_it_plays_until_stop(
    server: ComfyServer, client: ComfyClient, tiny: str
) -> None:
    run = Run(client, generate(tiny, 0))
    run.wait_frames(8)
    session = run.session()
    with session.socket() as socket:
        for key, value in ((f"{ENCODE}.prompt", "a blue star"), (f"{DENOISE}.chunk", 4)):
            socket.send(type="set", key=key, value=value, seq=1)
            assert socket.wait_for("received", key=key)["value"] == value
            applied = socket.wait_for("applied", key=key)
        run.wait_frames(applied["frame"] + 8)
        session.stop()
    ended = run.end()
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output)["path"])) > applied["frame"]


def test_the_demo_draws_what_its_template_says(server: ComfyServer, client: ComfyClient) -> None:
    graph = workflow("endless_text_to_video")
    graph[DENOISE]["inputs"]["length"] = 40
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    film = play(shown_file(ended, server.output)["path"])
    assert film.pixels.shape == (40, 128, 128, 3)
    assert film.pixels[8:].std(axis=(1, 2, 3)).min() > 5  # no frame is one flat colour


def test_the_demo_takes_a_video_as_its_template_is_shipped(server: ComfyServer, client: ComfyClient) -> None:
    graph = workflow("video_through_streamdit")
    make_clip(server.input / graph[READ]["inputs"]["file"], frames=24, size=(192, 112))
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output)["path"])) == 24


def test_a_video_goes_through_frame_by_frame(server: ComfyServer, client: ComfyClient, tiny: str) -> None:
    clip = make_clip(server.input / "through_streamdit.mp4", frames=31, size=(96, 64))
    graph = small("video_through_streamdit", tiny)
    graph[READ]["inputs"]["file"] = clip.name
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    film = play(shown_file(ended, server.output)["path"])
    assert film.pixels.shape == (31, 32, 64, 3)
    assert film.fps == play(clip).fps

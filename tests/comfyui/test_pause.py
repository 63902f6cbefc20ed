"""A pause on a real ComfyUI: a frame is seen again with every change; the file and its take have the last."""

from __future__ import annotations

import json

import av
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import DENOISE, restyle, shown_file
from live_session import Run, Socket

STRENGTH = f"{DENOISE}.strength"


def seen_at(page: Socket, value: float) -> int:
    """The first frame of the chunk that shows a value."""
    page.send(type="set", key=STRENGTH, value=value)
    return page.wait_for("applied", key=STRENGTH)["frame"]


def until_paused(page: Socket) -> None:
    while not page.wait_for("state")["paused"]:
        pass


def test_what_is_seen_last_in_a_pause_is_in_the_file_and_in_its_take(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    run = Run(client, restyle(long_clip, checkpoint, width=64, height=64))
    run.wait_frames(4)
    with run.session().socket() as page:
        page.send(type="pause", on=True)
        until_paused(page)
        first, again = seen_at(page, 0.25), seen_at(page, 0.75)
        while again != first:  # it was in work when the pause began
            first, again = seen_at(page, 0.25), seen_at(page, 0.75)
        assert seen_at(page, 0.5) == first
        page.send(type="step")
        later = seen_at(page, 0.125)
        assert later > first
        page.send(type="pause", on=False)
    run.wait_frames(later + 24)
    run.session().stop()
    file = shown_file(run.end(), server.output)
    lines = file["path"].with_suffix(".take.jsonl").read_text(encoding="utf-8").splitlines()
    changes = [(line["frame"], line["value"]) for line in map(json.loads, lines[1:-1])]
    assert changes[-2:] == [(first, 0.5), (later, 0.125)]
    with av.open(str(file["path"])) as container:
        streams = (container.streams.video[0], container.streams.audio[0])
        video, audio = (float(stream.duration * stream.time_base) for stream in streams)
    assert abs(video - audio) < 0.1

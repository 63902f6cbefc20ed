"""Cancel and Stop, in every state."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from comfy_client import ComfyClient
from comfy_fixtures import LONG_FRAMES
from comfy_server import ComfyServer
from graphs import DENOISE, READ, WRITE, Prompt, restyle, shown_file
from live_session import Run
from stream_servers import free_port

INTERRUPTED_S = 0.3
"""From Cancel to ``interrupted``, on the server's own clock."""

CLOSED_S = 2.0
"""From Cancel to the last byte of the file that is left behind."""

TRIES = 3
"""A machine that is busy with other things may be late once or twice; a session that is late always is."""

LONGEST_S = 20.0


@dataclass(frozen=True)
class Cancelled:
    """What a Cancel led to; seconds since just before it was sent.

    Attributes:
        interrupted: until the server noted that the prompt was interrupted.
        closed: until the last byte of a file was written; 0 without a file.
        frames: of the files that were left.
    """

    interrupted: float
    closed: float
    frames: tuple[int, ...]

    @property
    def in_time(self) -> bool:
        return self.interrupted <= INTERRUPTED_S and self.closed <= CLOSED_S


def _frames(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def _frames_once_closed(path: Path, deadline: float) -> int:
    """Frames of a file that a cancelled session is still closing; raises if it isn't playable in time."""
    while True:
        try:
            return _frames(path)
        except FileNotFoundError:  # a file that got no frame is taken away
            return 0
        except (av.error.InvalidDataError, IndexError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _cancel(server: ComfyServer, client: ComfyClient, graph: Prompt, state: str) -> Cancelled:
    """Run a graph, and cancel it once it is in this state."""
    before = set(server.output.rglob("*.mp4"))
    run = Run(client, graph)
    if state == "waiting":
        run.session().await_stage("Opening")
    else:
        run.wait_state(state)
    if state == "running":
        run.wait_frames(8)
    # One clock for both processes; the answer, which is slow on a busy machine, is not in it.
    sent = time.time()
    client.interrupt()
    assert run.end(LONGEST_S).status == "interrupted"
    noted = run.wait_for(lambda event: event["type"] == "execution_interrupted")["data"]["timestamp"] / 1000

    deadline = time.monotonic() + LONGEST_S
    left = set(server.output.rglob("*.mp4")) - before
    frames = tuple(count for file in left if (count := _frames_once_closed(file, deadline)))
    written = [file.stat().st_mtime for file in left if file.exists()]
    return Cancelled(noted - sent, max(written, default=sent) - sent, frames)


@pytest.mark.parametrize("state", ["loading", "warming", "waiting", "running"])
def test_cancel(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str, clip: str, state: str
) -> None:
    graph = restyle(long_clip, checkpoint)
    if state == "waiting":
        nobody = f"udp://127.0.0.1:{free_port()}"
        graph[READ]["inputs"] |= {"source": "network", "url": nobody, "allow_private": True, "file": ""}
    for _ in range(TRIES):
        if state == "loading":
            client.free()
        cancelled = _cancel(server, client, graph, state)
        print(f"{state}: {cancelled}")
        if state == "running":
            assert len(cancelled.frames) == 1 and cancelled.frames[0] >= 8
        if cancelled.in_time:
            break
    assert cancelled.in_time
    assert client.run(restyle(clip, checkpoint)).status == "success"


def test_stop_drains_and_completes_the_run(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    before = len(client.history())
    run = Run(client, restyle(long_clip, checkpoint))
    run.wait_frames(8)
    run.session().stop()
    ended = run.end()
    assert ended.status == "success"
    shown = shown_file(ended, server.output)
    assert 8 <= shown["frames"] < LONG_FRAMES
    assert _frames(shown["path"]) == shown["frames"]
    assert len(client.history()) == before + 1


def test_the_server_still_answers_while_a_session_runs(
    client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    run = Run(client, restyle(long_clip, checkpoint))
    run.wait_frames(4)
    queued = client.queue(restyle(long_clip, checkpoint, seed=1))
    assert len(client.request("/queue")["queue_running"]) == 1
    client.request("/queue", {"delete": [queued]})
    client.interrupt()
    assert run.end().status == "interrupted"
    opened = run.wait_for(lambda event: event["type"] == "livestyle.session")["data"]
    assert opened["node"] == WRITE and {DENOISE, WRITE} <= set(opened["nodes"])

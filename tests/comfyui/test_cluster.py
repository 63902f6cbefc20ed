"""run_on cluster from the canvas: a real ComfyUI, a real Ray cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import pytest
from comfy_client import ComfyClient
from comfy_fixtures import LONG_FRAMES, StartServer
from comfy_server import ComfyServer
from graphs import restyle, shown_file
from live_session import Run
from ray_cluster import ray_cluster
from sample_clips import make_clip

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ray's cluster for tests is for Linux")


def test_without_an_address_one_line_says_what_to_do(client: ComfyClient, checkpoint: str, clip: str) -> None:
    outcome = client.run(restyle(clip, checkpoint, run_on="cluster"))
    assert outcome.status == "error" and "LIVESTYLE_RAY_ADDRESS=ray://" in outcome.error
    assert "\n" not in outcome.error


def test_a_worker_is_shown_steered_and_stopped(
    start_server: StartServer, checkpoint: str, tmp_path: Path
) -> None:
    with ray_cluster(1, tmp_path):
        server: ComfyServer = start_server(folder="with-a-cluster")
        make_clip(server.input / "long.mp4", frames=LONG_FRAMES)
        run = Run(ComfyClient(server.url), restyle("long.mp4", checkpoint, run_on="cluster"))
        run.wait_frames(8)
        session = run.session()
        with session.socket() as socket:
            socket.send(type="credit", n=1)
            assert socket.wait_for("frame")["jpeg"].startswith(b"\xff\xd8\xff")
            socket.send(type="set", key="4.strength", value=0.5, seq=1)
            assert socket.wait_for("applied", key="4.strength")["seq"] == 1
            assert socket.wait_for("telemetry")["readouts"]["4"]["worker"]
        session.stop()
        outcome = run.end()
        assert outcome.status == "success", outcome.error
        with av.open(str(shown_file(outcome, server.output)["path"])) as file:
            assert 8 <= file.streams.video[0].frames < LONG_FRAMES
        server.stop()

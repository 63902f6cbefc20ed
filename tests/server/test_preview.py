"""The preview in the node."""

from __future__ import annotations

import io
import socket

from comfy_client import ComfyClient
from graphs import restyle
from live_session import Run
from PIL import Image

FRAMES = 120  # that one viewer draws while the other reads none


def test_frames_come_on_credit_only(client: ComfyClient, checkpoint: str, long_clip: str) -> None:
    run = Run(client, restyle(long_clip, checkpoint))
    run.wait_frames(1)
    with run.session().socket() as viewer:
        viewer.send(type="credit", n=2)
        frames = [viewer.wait_for("frame") for _ in range(2)]
        assert frames[0]["frame"] < frames[1]["frame"]
        assert Image.open(io.BytesIO(frames[0]["jpeg"])).size == (frames[0]["w"], frames[0]["h"])
        telemetry = 0
        while telemetry < 2:  # a second without credit
            message = viewer.receive()
            assert message["type"] != "frame"
            telemetry += message["type"] == "telemetry"
    client.interrupt()
    run.end()


def test_a_stalled_viewer_does_not_hold_up_another_one(
    client: ComfyClient, checkpoint: str, clip: str, long_clip: str
) -> None:
    run = Run(client, restyle(long_clip, checkpoint))
    run.wait_frames(1)
    session = run.session()
    small_buffer = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
    with session.socket(sockopt=small_buffer) as stalled, session.socket() as viewer:
        viewer.send(type="credit", n=4)
        seen: list[int] = []
        while len(seen) < FRAMES:
            message = viewer.receive()
            if message["type"] == "frame":
                seen.append(message["frame"])
                viewer.send(type="credit", n=1)
                stalled.send(type="credit", n=1)  # and never reads
        assert seen == sorted(set(seen))
        session.stop()
        assert run.end().status == "success"  # the message that core's own socket would hold back
    assert client.run(restyle(clip, checkpoint)).status == "success"

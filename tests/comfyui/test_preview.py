"""The preview in the node."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable

import numpy as np
from comfy_client import ComfyClient
from graphs import READ, restyle
from live_session import Run, Session, Socket
from PIL import Image
from stream_servers import free_port, publisher

FPS = 30
ENOUGH = 0.95
TURNS, TURN_S = 3, 4.0
TRIES = 2
"""A machine that is busy with other things may favour one turn once."""


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


def test_a_stalled_viewer_costs_another_one_nothing(client: ComfyClient, checkpoint: str, clip: str) -> None:
    address = f"udp://127.0.0.1:{free_port()}"
    graph = restyle("", checkpoint)
    graph[READ]["inputs"] |= {"source": "network", "url": address, "allow_private": True}
    with publisher("-f", "mpegts", f"{address}?pkt_size=1316", picture=f"testsrc=size=160x120:rate={FPS}"):
        run = Run(client, graph)
        session = run.session()
        with session.socket() as viewer:
            viewer.send(type="credit", n=2)
            viewer.wait_for("frame")
            for _ in range(TRIES):
                ratio = _ratio(session, viewer)
                if ratio >= ENOUGH:
                    break
            assert ratio >= ENOUGH
        session.stop()
        assert run.end().status == "success"  # the message that core's own socket would hold back
    assert client.run(restyle(clip, checkpoint)).status == "success"


def _ratio(session: Session, viewer: Socket) -> float:
    """What a viewer gets beside a stalled one over what it gets alone, in turn on one session."""
    alone, beside = [], []
    for _ in range(TURNS):
        alone.append(_share(viewer, lambda: None))
        small_buffer = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
        with session.socket(sockopt=small_buffer) as stalled:
            stalled.send(type="preview", max_side=2048, quality=95, source=True)
            beside.append(_share(viewer, lambda: stalled.send(type="credit", n=1)))  # and never reads
    print(f"of {FPS} frames a second: alone {alone}, beside a stalled viewer {beside}")
    return float(np.median(beside) / np.median(alone))


def _share(viewer: Socket, on_frame: Callable[[], None]) -> float:
    """Of the frames that the session makes in a while, the share that the viewer gets."""
    viewer.wait_for("frame")
    viewer.send(type="credit", n=1)
    seen: list[int] = []
    until = time.monotonic() + TURN_S
    while time.monotonic() < until or len(seen) < 2:
        message = viewer.receive()
        if message["type"] == "frame":
            seen.append(message["frame"])
            viewer.send(type="credit", n=1)
            on_frame()
    assert seen == sorted(set(seen))
    return round((len(seen) - 1) / (seen[-1] - seen[0]), 3)

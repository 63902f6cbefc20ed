"""Network streams in and out, and recording on and off, in a real ComfyUI."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comfy_client import ComfyClient, ComfyError
from comfy_server import ComfyServer
from graphs import ENCODE, LOAD, READ, WRITE, default_workflow, play, restyle, shown_file
from live_session import Run
from stream_servers import ffmpeg, frames_in, free_port, publisher

pytestmark = pytest.mark.slow

Prompt = dict[str, dict[str, Any]]


def live(checkpoint: str, url: str, **write: Any) -> Prompt:
    graph = default_workflow()
    graph[READ]["inputs"] = {"mode": "read", "source": "network", "url": url, "allow_private": True}
    graph[LOAD]["inputs"]["checkpoint"] = checkpoint
    graph[ENCODE]["inputs"]["prompt"] = "oil painting"
    graph["4"]["inputs"] |= {"width": 128, "height": 96, "chunk": 2}
    graph[WRITE]["inputs"] |= write
    return graph


def test_a_network_stream_goes_in_and_out_until_stop(
    client: ComfyClient, checkpoint: str, tmp_path: Path
) -> None:
    into, out = (f"udp://127.0.0.1:{free_port()}" for _ in range(2))
    file = tmp_path / "received.ts"
    quick = ("-analyzeduration", "500000", "-probesize", "50000")
    keep = ("-c", "copy", "-flush_packets", "1", str(file))
    target = {"target": "network", "target_url": out, "allow_private": True}
    with publisher("-f", "mpegts", f"{into}?pkt_size=1316"):
        with ffmpeg(*quick, "-i", f"{out}?timeout=60000000", *keep) as receiver:
            run = Run(client, live(checkpoint, into, **target))
            with run.session().socket() as socket:
                deadline = time.monotonic() + 240
                while time.monotonic() < deadline:
                    telemetry = socket.wait_for("telemetry")
                    if file.exists() and file.stat().st_size > 50_000:
                        break
            assert telemetry["sources"][READ]["state"] == "playing"
            assert telemetry["targets"][WRITE]["state"] == "sending"
            assert telemetry["latency_ms"]["p95"] > 0
            run.session().stop()
            assert run.end().status == "success"
            receiver.kill()  # MPEG-TS needs no ending
            receiver.wait()
    codec, width, height, frames = frames_in(file)
    assert (codec, width, height) == ("h264", 128, 96) and frames >= 8


def test_recording_goes_off_and_on_while_it_plays(
    client: ComfyClient, checkpoint: str, server: ComfyServer
) -> None:
    into = f"udp://127.0.0.1:{free_port()}"
    with publisher("-f", "mpegts", f"{into}?pkt_size=1316"):
        run = Run(client, live(checkpoint, into, record=False, filename_prefix="takes/take"))
        with run.session().socket() as socket:

            def until(state: str, frames: int = 0) -> dict[str, Any]:
                while True:
                    target = socket.wait_for("telemetry")["targets"].get(WRITE, {})
                    if target.get("state") == state and target["frames"] >= frames:
                        return target

            for _ in range(2):
                before = until("off")["frames"]  # of all takes
                socket.send(type="record", node=WRITE, on=True)
                until("recording", frames=before + 8)
                socket.send(type="record", node=WRITE, on=False)
                socket.wait_for("take", node=WRITE)
        run.session().stop()
        outcome = run.end()
    assert outcome.status == "success"
    (shown,) = outcome.outputs[WRITE]["video"]
    files = sorted((server.output / "takes").glob("*.mp4"))
    assert len(files) == 2 and shown["filename"] == files[-1].name
    for file in files:
        clip = play(file)
        assert len(clip) >= 8 and clip.pixels.std() > 5
        assert not np.array_equal(clip.pixels[0], clip.pixels[-1])


def test_two_targets_of_one_stream_are_recorded_each_on_its_own(
    client: ComfyClient, checkpoint: str, server: ComfyServer, long_clip: str
) -> None:
    graph = restyle(long_clip, checkpoint, width=64, height=64)
    last = "6"
    graph[last] = {**graph[WRITE], "inputs": {**graph[WRITE]["inputs"], "frames": [WRITE, 0]}}
    graph[WRITE]["inputs"] |= {"record": False, "filename_prefix": "side/part"}
    run = Run(client, graph)
    with run.session().socket() as socket:
        while socket.wait_for("telemetry")["targets"].get(last, {}).get("frames", 0) < 8:
            pass
        socket.send(type="record", node=WRITE, on=True)
        while socket.wait_for("telemetry")["targets"][WRITE]["frames"] < 16:
            pass
        socket.send(type="record", node=WRITE, on=False)
        assert socket.wait_for("take")["node"] == WRITE
        reached = socket.wait_for("telemetry")["targets"]
        assert (reached[WRITE]["state"], reached[last]["state"]) == ("off", "recording")
    run.session().stop()
    whole = play(shown_file(run.end(), server.output, last)["path"]).pixels.astype(int)
    (file,) = (server.output / "side").glob("*.mp4")
    part = play(file).pixels
    assert 16 <= len(part) <= len(whole) - 8
    away = [np.abs(whole[at : at + len(part)] - part).mean() for at in range(len(whole) - len(part) + 1)]
    assert min(away) < 3 and np.argmin(away) >= 8


def test_a_source_that_dies_is_held_and_said_on_the_node(client: ComfyClient, checkpoint: str) -> None:
    into = f"udp://127.0.0.1:{free_port()}"
    target = ("-f", "mpegts", f"{into}?pkt_size=1316")
    with publisher(*target) as source:
        run = Run(client, live(checkpoint, into))
        with run.session().socket() as socket:

            def until(state: str) -> dict[str, Any]:
                while True:
                    status = socket.wait_for("telemetry")["sources"].get(READ, {})
                    if status.get("state") == state:
                        return status

            until("playing")
            source.kill()
            assert "Holding the last picture" in until("reconnecting")["note"]
            with publisher(*target):
                assert until("playing")["reconnects"] >= 1
        run.session().stop()
        assert run.end().status == "success"


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"url": "file:///etc/passwd"}, "no stream address"),
        ({"url": "http://127.0.0.1:1/x", "allow_private": False}, "allow_private"),
        ({"url": "http://169.254.169.254/latest"}, "metadata"),
        ({"url": "rtmp://127.0.0.1:1/live/x"}, "refused"),
        ({"source": "camera", "device": "no such camera"}, "camera"),
        ({"url": "udp://127.0.0.1:9", "start": 3.0}, "start"),
        ({"url": "udp://127.0.0.1:9", "clock": "sometimes"}, "clock"),
    ],
)
def test_a_wrong_source_is_one_line(
    client: ComfyClient, checkpoint: str, inputs: dict[str, Any], reason: str
) -> None:
    graph = live(checkpoint, "udp://127.0.0.1:9")
    graph[READ]["inputs"] |= inputs
    try:
        outcome = client.run(graph, timeout=60)
    except ComfyError as error:
        text = str(error)
    else:
        assert outcome.status == "error"
        text = outcome.error
    assert reason in text and "\n" not in text


def test_stop_ends_the_wait_for_a_source_that_never_comes(client: ComfyClient, checkpoint: str) -> None:
    run = Run(client, live(checkpoint, f"udp://127.0.0.1:{free_port()}"))
    run.session().stop()
    run.end(60)  # it would wait for ever

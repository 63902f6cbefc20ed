"""Background mode on a real ComfyUI: a session outlives its prompt, and the next Run changes what plays."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import av
import pytest
from comfy_client import ComfyClient
from comfy_fixtures import StartServer
from comfy_server import ComfyServer
from graphs import DENOISE, ENCODE, READ, WRITE, restyle
from in_background import (
    SECRET,
    WAIT_S,
    begin,
    end,
    endless,
    frames_in,
    in_background,
    listed,
    plays_on,
    wait_until,
)
from live_session import Run, Socket

STRENGTH, PROMPT = f"{DENOISE}.strength", f"{ENCODE}.prompt"


def test_the_queue_is_free_and_neither_cancel_nor_free_ends_what_plays(
    server: ComfyServer, client: ComfyClient, tab: ComfyClient, checkpoint: str, clip: str, long_clip: str
) -> None:
    session = begin(tab, endless(checkpoint))
    (entry,) = listed(client)
    assert entry["title"] and entry["fps"] > 0 and entry["memory"] > 2**20 and entry["since"] <= time.time()
    assert not entry["token"]  # another client's
    assert client.run(restyle(clip, checkpoint)).status == "success"
    run = Run(client, restyle(long_clip, checkpoint))
    run.wait_frames(4)
    client.interrupt()
    assert run.end().status == "interrupted"
    plays_on(tab, session)
    client.free()
    plays_on(tab, session)
    assert client.run(restyle(clip, checkpoint)).status == "success"
    plays_on(tab, session)
    entry = end(tab, session)
    assert entry["state"] == "done" and frames_in(server, entry) == entry["frames"]


def applied(page: Socket, key: str) -> int:
    """The frame at which a change of a key acts."""
    return page.wait_for("applied", key=key)["frame"]


def test_other_nodes_move_what_plays(tab: ComfyClient, checkpoint: str) -> None:
    graph = endless(checkpoint)
    graph["s"] = {"class_type": "PrimitiveFloat", "inputs": {"value": 1.0}}
    graph["p"] = {"class_type": "PrimitiveString", "inputs": {"value": "oil painting"}}
    graph[DENOISE]["inputs"]["strength"] = ["s", 0]
    graph[ENCODE]["inputs"]["prompt"] = ["p", 0]
    session = begin(tab, graph)
    with session.socket() as page:
        for value, words in ((0.5, "pencil sketch"), (0.25, "pencil sketch"), (0.75, "watercolour")):
            graph["s"]["inputs"]["value"], graph["p"]["inputs"]["value"] = value, words
            ended = tab.run(graph)
            assert ended.status == "success" and ended.seconds < WAIT_S, ended.error
            if words != "pencil sketch" or value == 0.5:
                assert page.wait_for("received", key=PROMPT)["value"] == words
            assert page.wait_for("received", key=STRENGTH)["value"] == value
            applied(page, STRENGTH)
        page.send(type="set", key=STRENGTH, value=1.0)  # by hand
        applied(page, STRENGTH)
        graph["p"]["inputs"]["value"] = "oil painting"
        assert tab.run(graph).status == "success"
        applied(page, PROMPT)
        page.send(type="set", key=STRENGTH, value=0.125)
        assert page.wait_for("received", key=STRENGTH)["value"] == 0.125  # nothing came between
    assert [each["session"] for each in listed(tab)] == [session.id]


def test_another_picture_is_taken_up_and_one_more_brings_another_runner(
    tab: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    graph = in_background(restyle(long_clip, checkpoint.replace("mllm-edit", "rtr-dit")))
    graph["r"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0xC03020},
    }
    graph["b"] = {"class_type": "ImageBatch", "inputs": {"image1": ["r", 0], "image2": ["r", 0]}}
    graph[ENCODE]["inputs"]["references"] = ["r", 0]
    session = begin(tab, graph)
    graph["r"]["inputs"]["color"] = 0x2030C0
    ended = tab.run(graph)
    assert ended.status == "success", ended.error
    plays_on(tab, session)
    graph[ENCODE]["inputs"]["references"] = ["b", 0]
    ended = tab.run(graph)
    assert ended.status == "success", ended.error
    plays_on(tab, session)


@pytest.mark.parametrize(
    ("node", "widget", "value", "called"),
    [
        (DENOISE, "width", 64, "width can't change meanwhile"),
        (READ, "fps", 12.0, "fps can't change meanwhile"),
        (WRITE, "quality", 30, "quality can't change meanwhile"),
        (WRITE, "record_source", True, "record_source can't change meanwhile"),
    ],
)
def test_what_cant_be_applied_is_said_and_changes_nothing(
    server: ComfyServer,
    tab: ComfyClient,
    checkpoint: str,
    long_clip: str,
    node: str,
    widget: str,
    value: Any,
    called: str,
) -> None:
    graph = in_background(restyle(long_clip, checkpoint))
    session = begin(tab, graph)
    graph[node]["inputs"][widget] = value
    graph[DENOISE]["inputs"]["strength"] = 0.5
    ended = tab.run(graph)
    assert ended.status == "error" and called in ended.error and "Press Restart" in ended.error
    assert "\n" not in ended.error
    plays_on(tab, session)
    with session.socket() as page:
        assert page.wait_for("live")["values"][STRENGTH] == 1.0


def test_stop_and_run_begin_anew_with_the_edited_graph(
    server: ComfyServer, tab: ComfyClient, checkpoint: str
) -> None:
    graph = endless(checkpoint)
    first = begin(tab, graph)
    first.stop()
    graph[DENOISE]["inputs"]["steps"] = 2
    second = begin(tab, graph)
    assert second.id != first.id
    (entry,) = [each for each in listed(tab, "ended") if each["session"] == first.id]
    assert entry["state"] == "done" and frames_in(server, entry) == entry["frames"]


def test_a_node_of_another_workflow_is_another_one(tab: ComfyClient, checkpoint: str, clip: str) -> None:
    session = begin(tab, endless(checkpoint))
    other = tab.queue(restyle(clip, checkpoint), {"id": "another workflow"})
    wait_until(lambda: tab.outcome(other))
    assert tab.outcome(other).status == "success"
    plays_on(tab, session)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminated", "ctrl-c"])
def test_the_end_of_comfyui_leaves_a_file(start_server: StartServer, checkpoint: str, number: int) -> None:
    server = start_server()
    tab = ComfyClient(server.url, SECRET)
    session = begin(tab, endless(checkpoint))
    plays_on(tab, session)
    os.kill(server.pid, number)
    wait_until(lambda: not server.alive)
    (file,) = server.output.rglob("*.mp4")
    with av.open(str(file)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0

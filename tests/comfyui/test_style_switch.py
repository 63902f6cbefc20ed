"""Styles change while a session runs: by hand from the canvas, and by schedule."""

from __future__ import annotations

import json

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import ENCODE, LOAD, READ, Prompt, play, restyle, shown_file, workflow
from live_session import Run
from sample_clips import make_clip

SWITCH = "6"


def show(file: str, checkpoint: str, **switch: object) -> Prompt:
    """The default workflow with two styles behind a switch."""
    graph = restyle(file, checkpoint)
    graph["7"] = json.loads(json.dumps(graph[ENCODE]))
    graph["7"]["inputs"]["prompt"] = "pencil sketch"
    graph[SWITCH] = {
        "class_type": "KVCacheStyleSwitch",
        "inputs": {"style": [ENCODE, 0], "style_2": ["7", 0], **switch},
    }
    graph["4"]["inputs"]["conditioning"] = [SWITCH, 0]
    return graph


def test_a_live_change_of_style_is_applied_at_a_frame_and_seen_from_there(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    run = Run(client, show(long_clip, checkpoint))
    run.wait_frames(4)
    session = run.session()
    with session.socket() as socket:
        socket.send(type="set", key=f"{SWITCH}.active", value=2, seq=1)
        assert socket.wait_for("received", key=f"{SWITCH}.active", seq=1)["value"] == 2
        applied = socket.wait_for("applied", key=f"{SWITCH}.active", seq=1)
        socket.send(type="set", key=f"{SWITCH}.active", value=3, seq=2)
        assert "use 2 or less" in socket.wait_for("error")["message"]
        run.wait_frames(applied["frame"] + 8)
        session.stop()
    made = play(shown_file(run.end(), server.output)["path"]).pixels.astype(np.float32)
    at = applied["frame"]
    assert 0 < at < len(made) - 4
    colour = made.max(axis=3).mean(axis=(1, 2)) - made.min(axis=3).mean(axis=(1, 2))
    assert colour[at : at + 4].mean() < 0.8 * colour[:at].mean()  # a pencil has no colour


def test_a_schedule_is_told_with_its_first_frame(
    client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    run = Run(client, show(long_clip, checkpoint, schedule="30:2, 50:next", policy="blend", blend_frames=6))
    with run.session().socket() as socket:
        told = [socket.wait_for("scheduled", key=f"{SWITCH}.active") for _ in range(2)]
    run.session().stop()
    assert run.end().status == "success"
    assert [(entry["value"], entry["frame"]) for entry in told] == [(2, 30), (1, 50)]
    assert [entry["pts"] for entry in told] == pytest.approx([30 / 24, 50 / 24])


@pytest.mark.parametrize(
    ("switch", "line"), [({"schedule": "soon:1"}, "can't be read"), ({"active": 5}, "from 1 to 2")]
)
def test_a_wrong_widget_is_one_line_on_the_node(
    client: ComfyClient, checkpoint: str, clip: str, switch: dict[str, object], line: str
) -> None:
    ended = client.run(show(clip, checkpoint, **switch))
    assert ended.status != "success" and line in str(ended.error)


def test_the_template_runs_as_it_is_shipped(
    server: ComfyServer, client: ComfyClient, checkpoint: str
) -> None:
    graph = workflow("style_switch_show")
    assert graph[LOAD]["inputs"]["checkpoint"] == checkpoint
    make_clip(server.input / graph[READ]["inputs"]["file"], frames=56, size=(192, 112))
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    assert len(play(shown_file(ended, server.output)["path"])) == 56

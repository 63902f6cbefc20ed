"""Values change while a session runs, without a new Run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import play, restyle, shown_file
from live_session import Run

STRENGTH, PROMPT, SEED = "4.strength", "3.prompt", "4.seed"


@pytest.fixture
def run(client: ComfyClient, checkpoint: str, long_clip: str) -> Iterator[Run]:
    """A session that plays until the test stops it."""
    run = Run(client, restyle(long_clip, checkpoint))
    run.wait_frames(4)
    yield run
    client.interrupt()
    run.end()


def test_a_change_is_received_then_applied_at_a_frame(run: Run) -> None:
    with run.session().socket() as socket:
        for key, value in ((STRENGTH, 0.25), (PROMPT, "pencil sketch"), (SEED, 77)):
            socket.send(type="set", key=key, value=value, seq=1)
            assert socket.wait_for("received", key=key, seq=1)["value"] == value
            applied = socket.wait_for("applied", key=key, seq=1)
            assert applied["frame"] >= 0 and applied["ms"] >= 0 and applied["pts"] >= 0


def test_of_many_changes_the_last_one_holds(run: Run) -> None:
    with run.session().socket() as socket:
        for seq in range(1, 201):
            socket.send(type="set", key=STRENGTH, value=seq / 200, seq=seq)
        applied = [socket.wait_for("applied", key=STRENGTH)]
        while applied[-1]["seq"] < 200:
            applied.append(socket.wait_for("applied", key=STRENGTH))
    assert [entry["seq"] for entry in applied] == sorted(entry["seq"] for entry in applied)
    assert [entry["frame"] for entry in applied] == sorted(entry["frame"] for entry in applied)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (STRENGTH, 7),
        (STRENGTH, "much"),
        (STRENGTH, None),
        (PROMPT, "x" * 5000),
        (PROMPT, 3),
        (PROMPT, "\ud800"),
        (STRENGTH, 10**400),
        (STRENGTH, float("nan")),
        (SEED, -(10**400)),
        ("9.nothing", 1),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(run: Run, key: str, value: object) -> None:
    with run.session().socket() as socket:
        socket.send(type="set", key=key, value=value, seq=9)
        refused = socket.wait_for("error")
        assert refused["message"] and "\n" not in refused["message"]
        socket.send(type="set", key=STRENGTH, value=0.5, seq=10)
        socket.wait_for("applied", key=STRENGTH, seq=10)


def test_the_picture_follows_the_strength(
    server: ComfyServer, client: ComfyClient, checkpoint: str, long_clip: str
) -> None:
    run = Run(client, restyle(long_clip, checkpoint, strength=1.0))
    run.wait_frames(4)
    session = run.session()
    with session.socket() as socket:
        socket.send(type="set", key=STRENGTH, value=0.0, seq=1)
        applied = socket.wait_for("applied", key=STRENGTH)["frame"]
        run.wait_frames(applied + 4)
        session.stop()
    result = play(shown_file(run.end(), server.output)["path"]).pixels.astype(np.float32)
    source = play(server.input / long_clip).pixels[: len(result)].astype(np.float32)
    error = np.abs(result - source).mean(axis=(1, 2, 3))
    assert error[applied : applied + 4].mean() < error[:applied].mean()

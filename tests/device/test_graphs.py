"""What the host still launches where a network is replayed; a pretended device refuses what CUDA would."""

from __future__ import annotations

import pytest
from device_streams import CASES, MOMENTS, Stream, stream

from livestyle.lab.benchmark.dry_run.graphs import GRAPH

LEFT = {
    "mllm-edit": (1, 50),
    "mllm-edit, adapter": (1, 250),
    "rtr-dit": (2, 80),
    "stream-dit": (1, 20),
    "stream-dit, video": (1, 20),
    "streamedit-dit": (2, 40),
}
"""Replays that denoise a chunk, for RTR-DiT also the clean pass, and launches at most in all."""


@pytest.fixture(params=list(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def denoising(name: str, moment: str) -> list[str]:
    """Names of what is launched."""
    return [
        launch.name
        for entry in stream(name).stages(moment)
        if entry.stage == "denoise"
        for launch in entry.ledger.launches
    ]


def test_denoising_is_replayed(name: str) -> None:
    """A recording with a wait or an upload in it is refused, and the network then runs without."""
    moment = "prompt" if name == "rtr-dit" else "steady"  # when its window is full for the second time
    (graphs, most), launched = LEFT[name], denoising(f"{name}, graphs", moment)
    assert launched.count(GRAPH) == graphs
    assert len(launched) <= most < len(denoising(name, moment))


def test_the_host_waits_where_it_did(name: str) -> None:
    plain, replayed = stream(name), stream(f"{name}, graphs")
    for moment in MOMENTS:
        assert waits(replayed, moment) == waits(plain, moment)


def waits(played: Stream, moment: str) -> list[dict[str, int]]:
    return [dict(entry.ledger.syncs) for entry in played.stages(moment)]

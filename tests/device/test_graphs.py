"""What the host still launches where a network is replayed; a pretended device refuses what CUDA would."""

from __future__ import annotations

import pytest
from device_streams import CASES, MOMENTS, Stream, stream

from livestyle.lab.benchmark.dry_run.graphs import GRAPH

GRAPHS = {
    "mllm-edit": 1,
    "mllm-edit, adapter": 1,
    "rtr-dit": 3,
    "stream-dit": 2,
    "stream-dit, video": 2,
    "streamedit-dit": 2,
}
"""Replays that denoise a chunk in the steady state: an evaluation each, for RTR-DiT also the clean pass."""
LEFT = {
    "mllm-edit": 30,
    "mllm-edit, adapter": 200,
    "rtr-dit": 200,
    "stream-dit": 60,
    "stream-dit, video": 60,
    "streamedit-dit": 60,
}
"""Launches of denoising at most, replays included."""


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
    launched = denoising(f"{name}, graphs", "steady")
    assert launched.count(GRAPH) == GRAPHS[name]
    assert len(launched) <= LEFT[name] < len(denoising(name, "steady"))


def test_the_host_waits_where_it_did(name: str) -> None:
    plain, replayed = stream(name), stream(f"{name}, graphs")
    for moment in MOMENTS:
        assert waits(replayed, moment) == waits(plain, moment)


def waits(played: Stream, moment: str) -> list[dict[str, int]]:
    return [dict(entry.ledger.syncs) for entry in played.stages(moment)]

"""Published ways of denoising and remembering, at toy size on a pretended device: the host is left alone."""

from __future__ import annotations

import pytest
import torch
from device_streams import claim

from livestyle.lab.benchmark.dry_run.graphs import GRAPH
from livestyle.lab.benchmark.dry_run.pretended import DEVICE, pretend_cuda
from livestyle.lab.benchmark.dry_run.watched import Watched
from livestyle.lab.benchmark.inline import play
from livestyle.lab.benchmark.published import Published, build

CHUNKS = 9
"""In the last one every window is full."""


@pytest.mark.parametrize("profile", ["rolling_forcing", "memflow", "reward_forcing", "longlive_2"])
def test_a_causal_model_that_generates_is_replayed_and_waits_for_nothing(profile: str) -> None:
    claim("pretended")
    row = Published("rtr-dit", profile, CHUNKS - 1, options={"profile": profile}, source=False)
    with pretend_cuda() as device:
        watched = Watched(build(row, DEVICE, torch.bfloat16, toy=True).runner(compiled=True), device)
        needs = watched.requirements
        for _ in play(watched, None, length=needs.first + row.warm * needs.chunk_frames):
            pass
    ledger = next(entry.ledger for entry in watched.of(row.warm) if entry.stage == "denoise")
    assert not ledger.syncs
    assert [launch.name for launch in ledger.launches].count(GRAPH) >= 2

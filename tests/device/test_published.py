"""The published MLLM-edit on a pretended device: what encoding a chunk of 16 asks of host and device."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from device_streams import claim

from livestyle.lab.benchmark.dry_run.ledger import Ledger
from livestyle.lab.benchmark.dry_run.pretended import DEVICE, pretend_cuda
from livestyle.lab.benchmark.dry_run.watched import Watched
from livestyle.lab.benchmark.inline import play
from livestyle.lab.benchmark.published import ROWS, build

SYNCS, LAUNCHES = 4, 1200


@pytest.fixture(scope="module")
def encoded() -> Iterator[Ledger]:
    """Of the second chunk: the first one also lays out what is kept."""
    claim("pretended")
    row = next(row for row in ROWS if row.family == "mllm-edit" and row.options["every"] == 1)
    with pretend_cuda() as device:
        stream = build(row, DEVICE, torch.bfloat16, toy=False)
        watched = Watched(stream.runner(), device)
        assert watched.requirements.chunk_frames == 16
        for _ in play(watched, stream.pictures(2)):
            pass
        yield next(entry.ledger for entry in watched.of(1) if entry.stage == "encode")


def test_pictures_are_encoded_without_waiting(encoded: Ledger) -> None:
    assert sum(encoded.syncs.values()) <= SYNCS


def test_pictures_are_encoded_in_one_batch(encoded: Ledger) -> None:
    assert len(encoded.launches) <= LAUNCHES

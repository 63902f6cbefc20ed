"""CUDA graphs on a pretended device: what was recorded is one launch from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol
from unittest import mock

import torch

from ....engine.families import compiling
from ....engine.networks import cuda_graphs
from ....engine.networks.cuda_graphs import Recorder, Replay
from .ledger import Launch, Ledger, place

GRAPH = "graph"
"""The launch of a whole graph, which has the FLOP and bytes of all that is in it."""


class Counting(Protocol):
    """What a device that was asked for things writes them into."""

    ledger: Ledger


@contextmanager
def pretended_graphs(device: Counting) -> Iterator[None]:
    """``compile`` records and replays here, and compiles nothing."""
    stubs: tuple[tuple[object, str, Callable[..., object]], ...] = (
        (compiling, "obstacle", lambda _: ""),
        (torch.nn.Module, "compile", lambda *_, **__: None),
        (cuda_graphs, "recorder_for", lambda _: _recorder(device)),
        (cuda_graphs, "address", lambda tensor: tensor.untyped_storage()._cdata),
    )
    with ExitStack() as stack:
        for holder, name, stub in stubs:
            stack.enter_context(mock.patch.object(holder, name, stub))
        yield


def _recorder(device: Counting) -> Recorder:
    def record(run: Replay) -> Replay:
        outside, inside = device.ledger, Ledger()
        device.ledger = inside
        try:
            made = run()
        finally:
            device.ledger = outside
        waits = [*inside.syncs, *(f"copy {copied.place}" for copied in (*inside.uploads, *inside.downloads))]
        if waits:
            raise RuntimeError(f"operation not permitted when stream is capturing: {waits[0]}")
        card = inside.launches[0].device
        launch = Launch(GRAPH, inside.flops, inside.bytes, True, place(), card)

        def replay() -> torch.Tensor:
            device.ledger.launches.append(launch)
            device.ledger.attention += inside.attention
            return made

        return replay

    return record

"""The published configurations on a pretended device: what a frame costs, what a card could do with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..inline import play
from ..published import ROWS, Published, Stream, build
from .ledger import Copy, Launch
from .pretended import DEVICE, pretend_cuda
from .roofline import LAUNCH_US, Card
from .watched import Watched

Row = dict[str, Any]


def rows(family: str, cards: Mapping[str, Card], *, toy: bool = False) -> Iterator[Row]:
    """Every row of a family; nothing is measured."""
    for row in ROWS:
        if row.family == family:
            yield count(row, cards, toy=toy)


def count(row: Published, cards: Mapping[str, Card], *, toy: bool = False) -> Row:
    """One chunk in the steady state, by its frames; and memory, as far as tensors take it.

    Keys: ``gflop``, ``launches``, ``syncs``, ``gb_moved`` and ``uploaded_mb`` a frame; ``weights_gb``,
    ``peak_gb``, ``<stage>_gb`` of it, and ``predicted_gb``, which is the weights and ``stream_bytes``; for
    each card ``<card>_ideal_fps`` (products and attention alone) and ``<card>_eager_fps`` (every kernel);
    ``host_fps`` at ``LAUNCH_US``. With text encoder and autoencoder on a second card of the kind,
    ``crossed_mb`` a frame, memory of both together, and rates of the busier one; with half of the blocks
    there, rates as if the two always waited for each other. ``first_gb`` is the first card's share of the
    weights. ``launches_replayed`` are those that are left a frame where ``compile`` replays CUDA graphs; None
    where half of the blocks are on another card.
    """
    with pretend_cuda() as device:
        stream = _stream(row, toy)
        weights = device.memory.now
        on_first = stream.model.modules_on(DEVICE)[DEVICE]
        first = sum(weight.nbytes for module in on_first for weight in module.parameters())
        watched = Watched(stream.runner(), device)
        made = _played(row, stream, watched, row.warm)
        peak, predicted = watched.peak, weights + stream.stream_bytes
    frames, passed = len(made), list(watched.of(row.warm))
    launches: list[Launch] = [launch for entry in passed for launch in entry.ledger.launches]
    uploads: list[Copy] = [copied for entry in passed for copied in entry.ledger.uploads]
    crossed = sum(each.bytes for entry in passed for each in entry.ledger.crossings)
    attention = sum((entry.ledger.attention for entry in passed), Counter())
    counted: Row = {
        "row": row.name,
        "scale": "toy size" if toy else "full size",
        "frames": frames,
        "gflop": sum(launch.flops for launch in launches) / frames / 1e9,
        "launches": len(launches) / frames,
        "launches_replayed": replayed_launches(row, toy=toy),
        "syncs": sum(sum(entry.ledger.syncs.values()) for entry in passed) / frames,
        "gb_moved": sum(launch.bytes for launch in launches) / frames / 1e9,
        "crossed_mb": crossed / frames / 1e6,
        "uploaded_mb": sum(copied.bytes for copied in uploads) / frames / 1e6,
        "unfused_attention": sum(calls for kind, calls in attention.items() if kind.chosen == "math"),
        "weights_gb": weights / 1e9,
        "first_gb": first / 1e9,
        "peak_gb": peak / 1e9,
        "predicted_gb": predicted / 1e9,
        **{f"{stage}_gb": worked / 1e9 for stage, worked in watched.worked.items()},
        "host_fps": frames / (len(launches) * LAUNCH_US / 1e6),
    }
    for name, card in cards.items():
        for kind, fused in (("ideal", True), ("eager", False)):
            if row.devices is not None and row.devices.second_half is not None:  # one after the other
                seconds = card.seconds(launches, fused=fused) + crossed / card.link
            else:
                seconds = card.seconds_together(launches, crossed, fused=fused)
            counted[f"{name}_{kind}_fps"] = frames / seconds
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in counted.items()}


def replayed_launches(row: Published, *, toy: bool = False) -> float | None:
    """Launches a frame in the steady state where ``compile`` replays CUDA graphs; nothing is compiled."""
    if row.devices is not None and row.devices.second_half is not None:
        return None
    with pretend_cuda() as device:
        stream = _stream(row, toy)
        watched = Watched(stream.runner(compiled=True), device)
        chunk = row.warm + 2  # all is recorded by then
        made = _played(row, stream, watched, chunk)
    launches = [launch for entry in watched.of(chunk) for launch in entry.ledger.launches]
    return len(launches) / len(made)


def _stream(row: Published, toy: bool) -> Stream:
    stream = build(row, DEVICE, torch.bfloat16, toy=toy)
    return stream if row.devices is None else replace(stream, model=stream.model.placed(row.devices))


def _played(row: Published, stream: Stream, watched: Watched, chunk: int) -> np.ndarray:
    """Play up to a chunk; its pictures."""
    pictures = stream.pictures(chunk + 1)
    played = play(watched, pictures if row.source else None, length=len(pictures))
    return next(out for out in played if watched.passed[-1].chunk == chunk)

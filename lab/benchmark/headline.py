"""A published configuration on a real device: eager and compiled, with lanes and without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from ...engine.errors import LiveStyleError, one_line
from ...engine.families.base import Runner
from ...engine.runtime.device import plan_device
from ...engine.runtime.lanes import Lanes
from .inline import play
from .memory import peak_bytes
from .playback import play_through
from .published import Published, Stream, build
from .rates import peak_flops

MEASURED = 6
"""Chunks that a rate is taken over, after the warm-up."""

Row = dict[str, Any]


def measure(row: Published, device: torch.device, dtype: torch.dtype, *, toy: bool) -> Iterator[Row]:
    """Eager, then compiled; each with all lanes and with one. A row is given as soon as it is there.

    Keys: ``fps`` with ``lanes``; ``gflop`` a frame; ``mfu`` of the maker's dense bf16 rate, None where that
    is not known; ``peak_gb`` with the weights, beside ``predicted_gb``; ``first_s`` until the warm-up was
    over, which for compiled rows is mostly the compiler's.
    """
    stream = build(row, device, dtype, toy=toy)
    weights = sum(tensor.nbytes for module in stream.model.modules() for tensor in module.parameters())
    labels = {"row": row.name, "scale": "toy size" if toy else "full size"}
    best, gflop = peak_flops(device), None
    for compiled in (False, True):
        try:
            runner = stream.runner(compiled=compiled)
            started = time.perf_counter()
            if gflop is None:
                gflop = _gflop(row, stream, runner)
            else:
                _play(row, stream, runner, row.warm)
            first = time.perf_counter() - started
            for lanes in ("triple", "single"):
                yield {
                    **labels,
                    "compiled": compiled,
                    "lanes": lanes,
                    "first_s": first,
                    "gflop": gflop,
                    "predicted_gb": (weights + stream.stream_bytes) / 1e9,
                    **_rate(row, stream, runner, lanes, weights, gflop, best),
                }
        except (LiveStyleError, RuntimeError) as error:  # compilers raise kinds of their own
            yield {**labels, "compiled": compiled, "note": f"not measured: {one_line(error, 200)}"}


def _rate(
    row: Published,
    stream: Stream,
    runner: Runner,
    lanes: Any,
    weights: int,
    gflop: float,
    best: float | None,
) -> Row:
    device = next(stream.model.modules()[0].parameters()).device
    runner.reset()
    pictures = stream.pictures(row.warm + MEASURED)
    plan = replace(plan_device(device), lanes=lanes)
    played: list[Any] = []

    def work() -> None:
        source = pictures if row.source else len(pictures)
        played.append(play_through(runner, source, Lanes(plan)))

    peak = peak_bytes(work, device)
    fps = played[0].fps(row.warm)
    busy = played[0].busy
    return {
        "fps": fps,
        "mfu": None if best is None else fps * gflop * 1e9 / best,
        "peak_gb": (weights + peak) / 1e9,
        **{f"{lane}_share": spent / sum(busy.values()) for lane, spent in busy.items()},
    }


def _gflop(row: Published, stream: Stream, runner: Runner) -> float:
    """GFLOP of a frame, counted in the chunk after the warm-up."""
    pictures = stream.pictures(row.warm + 1)
    played = play(runner, pictures if row.source else None, length=len(pictures))
    for _ in range(row.warm - runner.requirements.delay * row.source):
        next(played)
    with FlopCounterMode(display=False) as counter:
        made = next(played)
    return counter.get_total_flops() / len(made) / 1e9


def _play(row: Published, stream: Stream, runner: Runner, chunks: int) -> None:
    pictures = stream.pictures(chunks)
    for _ in play(runner, pictures if row.source else None, length=len(pictures)):
        pass

"""The two parts of scripts/bench.py for the families whose cases are rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch

from ...engine.families import demo_checkpoints
from ...engine.runtime.device import plan_device
from .machine import hardware_line


class Bench(Protocol):
    """Measures one case after the other."""

    def rows(self) -> Iterable[dict]: ...


def demo(checkpoint: str, measure: Callable[[], dict]) -> dict:
    """What ``measure`` finds of a demo checkpoint, or that there is none yet."""
    if checkpoint not in demo_checkpoints():
        print("demo not measured: there is no demo checkpoint yet")
        return {"demo_note": "not measured: there is no demo checkpoint yet"}
    return measure()


def full(bench: Callable[[Any, torch.device, torch.dtype], Bench], full_size: Any, toy: Any) -> dict:
    """The published sizes on a CUDA device, toy ones without; every row is printed as it is measured."""
    cuda = torch.cuda.is_available()
    plan = plan_device(torch.device("cuda" if cuda else "cpu"))
    rows = []
    for row in bench(full_size if cuda else toy, plan.device, torch.bfloat16 if cuda else plan.dtype).rows():
        rows.append(row)
        print(json.dumps(row), flush=True)
    return {"hardware": hardware_line(plan), "rows": rows}

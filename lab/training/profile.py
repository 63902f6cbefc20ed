"""Where the time of a training step goes, and how near its arithmetic comes to what the processor can do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import torch
from torch.utils.flop_counter import FlopCounterMode

_spent: dict[str, float] = {}


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """Counts the seconds inside as a part of the step, such as ``"data"`` or ``"text"``."""
    started = time.perf_counter()
    try:
        yield
    finally:
        _spent[name] = _spent.get(name, 0.0) + time.perf_counter() - started


class StepProfile:
    """Seconds of each part over some steps, after some that don't count.

    Args:
        steps: that are measured.
        warm_up: steps before them.
    """

    def __init__(self, steps: int = 8, warm_up: int = 3) -> None:
        self.steps, self.warm_up = steps, warm_up

    def begin(self, step: int) -> contextlib.AbstractContextManager:
        """To be entered for the step, counted from 0: the last warm-up step counts its arithmetic."""
        if step == self.warm_up:
            _spent.clear()
        self._counter = FlopCounterMode(display=False) if step == self.warm_up - 1 else None
        return self._counter or contextlib.nullcontext()

    def end(self, step: int) -> bool:
        """After the step: whether enough is measured."""
        if self._counter:
            self.flops = float(self._counter.get_total_flops())
        return step + 1 == self.warm_up + self.steps

    def report(self) -> dict[str, float]:
        """Seconds a step, each part's share of it, and GFLOP/s beside those of a matrix product.

        What ``forward`` spends is net of the parts named inside it, data and text.
        """
        inside = {
            name: spent for name, spent in _spent.items() if name not in ("forward", "backward", "optimiser")
        }
        spent = {**_spent, "forward": _spent["forward"] - sum(inside.values())}
        total = sum(spent.values())
        return {
            "seconds_per_step": total / self.steps,
            **{f"{name}_share": seconds / total for name, seconds in sorted(spent.items())},
            "gflops_per_second": self.flops * self.steps / total / 1e9,
            "matmul_gflops_per_second": matmul_rate() / 1e9,
        }


def matmul_rate(side: int = 1024, repeats: int = 10) -> float:
    """Operations a second of a bfloat16 matrix product on this thread count: the best of three tries."""
    matrix = torch.randn(side, side).bfloat16()
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(repeats):
            matrix @ matrix
        best = max(best, 2.0 * side**3 * repeats / (time.perf_counter() - started))
    return best

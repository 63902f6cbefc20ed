"""The window of a live stream: what is timed, when it is known, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from livestyle.engine.families.streamedit_dit import window as module
from livestyle.engine.families.streamedit_dit.window import SHARE, WindowDriver
from livestyle.engine.motion.activity import Activity
from livestyle.engine.sampling.adaptive_window import WindowSettings
from livestyle.engine.sampling.edit_stream import PIPELINED

CPU = torch.device("cpu")
BUSY, CUT = Activity(1.0, 1.0, False), Activity(1.0, 1.0, True)
BUDGET = 1.0 / SHARE  # one second for the evaluations


class Clock:
    """Knows what a chunk takes, and tells it as late as a device that works on its own."""

    def __init__(self, takes: dict[int, float], late: int = 0) -> None:
        self.takes, self.late, self.done = takes, late, []

    @contextmanager
    def time(self, window: int, device: torch.device) -> Iterator[None]:
        yield
        self.done.append((window, self.takes[window]))

    def results(self) -> list[tuple[int, float]]:
        ready = len(self.done) - self.late
        told, self.done = self.done[: max(0, ready)], self.done[max(0, ready) :]
        return told


def driver(clock: Clock) -> WindowDriver:
    return WindowDriver(WindowSettings(), PIPELINED, fixed=0, clock=clock)


def windows(made: WindowDriver, film: list[Activity]) -> list[int]:
    shown = []
    for activity in film:
        with made.chunk(activity, 1 << 30, BUDGET, CPU):
            shown.append(made.length)
    return shown


@pytest.mark.parametrize("late", [0, 1, 2])
def test_an_overrun_costs_one_bucket_however_late_it_is_known(late: int) -> None:
    clock = Clock({4: 0.1, 8: 0.2, 16: 0.4}, late)
    made = driver(clock)
    assert windows(made, [BUSY] * 16)[-1] == 16
    clock.takes = {4: 0.1, 8: 0.9, 16: 1.2}  # 8 fits, 16 does not
    assert windows(made, [BUSY] * 12) == [16] * (1 + late) + [8] * (11 - late)


def test_the_end_of_a_scene_is_no_measure_of_a_chunk() -> None:
    """A cut's chunk takes three times as long; the window regrows as if it had not."""
    clock = Clock({4: 0.1, 8: 0.2, 16: 0.4})
    made = driver(clock)
    windows(made, [BUSY] * 10)
    clock.takes[4] = 3.0
    assert windows(made, [CUT]) == [4]
    clock.takes[4] = 0.1
    assert windows(made, [BUSY] * 6) == [4, 8, 8, 16, 16, 16]


def test_the_clock_follows_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be on the CPU when the runner is made and on the device when it runs."""

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            pass

        def query(self) -> bool:
            return True

        def elapsed_time(self, other: Event) -> float:
            return 250.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    clock = module.ChunkClock()
    with clock.time(4, CPU):
        pass
    with clock.time(8, torch.device("cuda")):
        pass
    (first, waited), told = clock.results()
    assert first == 4 and waited < 0.1
    assert told == (8, 0.25)

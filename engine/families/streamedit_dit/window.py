"""The window of a running stream: fixed by hand, or chosen chunk by chunk."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ...errors import SettingError
from ...motion.activity import Activity
from ...sampling.adaptive_window import AdaptiveWindow, Scene, TimeBudget, WindowSettings
from ...sampling.partition import Partition

SHARE = 0.7
"""Of a chunk's time on screen, for its evaluations; the autoencoder takes the rest."""


class WindowDriver:
    """Feeds the controller with what the stream shows and with what its chunks cost.

    Args:
        settings: the model's buckets and how they are chosen.
        partition: the frames under way, which every window holds.
        fixed: a length by hand; 0 adapts.
        clock: how long chunks take; one that measures it unless given.

    Raises:
        SettingError: a fixed length that the model wasn't trained for.
    """

    def __init__(
        self,
        settings: WindowSettings,
        partition: Partition,
        *,
        fixed: int,
        clock: ChunkClock | None = None,
    ) -> None:
        longest = settings.buckets[-1]
        if fixed and not partition.length <= fixed <= longest:
            raise SettingError(
                f"cache_window is {fixed}: use {partition.length} to {longest}, or 0 to let it adapt."
            )
        self._fixed = fixed
        self._adaptive = AdaptiveWindow(settings)
        self._budget = TimeBudget()
        self._clock = clock or ChunkClock()

    @property
    def length(self) -> int:
        """Latent frames that the network sees."""
        return self._fixed or self._adaptive.length

    @contextmanager
    def chunk(
        self, activity: Activity, prompt_age: int, lasts: float, device: torch.device
    ) -> Iterator[None]:
        """Choose the length for a chunk, and time what is done inside.

        Args:
            lasts: seconds that the chunk's pictures take on screen, which a live stream must keep up with;
                0 for one that can wait, whose windows are then the same on every machine.
            device: where the work is done now; weights move between chunks.
        """
        for window, seconds in self._clock.results():
            self._budget.add(window, seconds)
        slack = self._budget.slack(self._adaptive.length, lasts * SHARE)
        self._adaptive.update(Scene(activity.motion, activity.detail, activity.cut, prompt_age, slack))
        if activity.cut:  # an old scene to finish and a buffer to fill: no measure of what a chunk takes
            yield
        else:
            with self._clock.time(self._adaptive.length, device):
                yield


class ChunkClock:
    """Times work without waiting for it."""

    def __init__(self) -> None:
        self._running: deque[tuple[int, torch.cuda.Event, torch.cuda.Event]] = deque()
        self._done: list[tuple[int, float]] = []

    @contextmanager
    def time(self, window: int, device: torch.device) -> Iterator[None]:
        if device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            yield
            end.record()
            self._running.append((window, start, end))
        else:
            began = time.perf_counter()
            yield
            self._done.append((window, time.perf_counter() - began))

    def results(self) -> list[tuple[int, float]]:
        """(window, seconds) of what has been done since the last call, in order."""
        while self._running and self._running[0][2].query():
            window, start, end = self._running.popleft()
            self._done.append((window, start.elapsed_time(end) / 1000.0))
        done, self._done = self._done, []
        return done

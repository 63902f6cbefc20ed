"""Threads that find motion ahead, while the lanes compute: OpenCV releases the GIL."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import numpy as np

from .flow import FlowSettings

MOST = 8
"""Threads, as many as the reference has."""


@cache
def workers() -> ThreadPoolExecutor:
    """The process's threads for motion, made at the first call."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ThreadPoolExecutor(min(MOST, allowed), thread_name_prefix="livestyle-motion")


class FlowAhead:
    """Flow from one picture to each of several, every one found at most once.

    Args:
        settings: how.
        anchor: uint8 RGB (H, W, 3), where the motion starts.
        pixels: uint8 RGB (N, H, W, 3), where it leads.
    """

    def __init__(self, settings: FlowSettings, anchor: np.ndarray, pixels: np.ndarray) -> None:
        self._settings, self._anchor, self._pixels = settings, anchor, pixels
        self._found: dict[int, Future[np.ndarray]] = {}

    def begin(self, frame: int) -> None:
        """Have the flow to a picture found; returns at once."""
        if frame not in self._found:
            job = workers().submit(self._settings.find, self._anchor, self._pixels[frame])
            self._found[frame] = job

    def flow(self, frame: int) -> np.ndarray:
        """Float32 (H, W, 2), found by now or waited for."""
        self.begin(frame)
        return self._found[frame].result()


def flows_between(
    settings: FlowSettings, before: np.ndarray, pixels: np.ndarray, *, backward: bool = False
) -> list[Future[np.ndarray]]:
    """Flow from each picture to the next, beginning with the one before the first of ``pixels``.

    Args:
        backward: from the next to each instead.
    """
    pairs = zip((before, *pixels[:-1]), pixels, strict=True)
    return [workers().submit(settings.find, *(pair[::-1] if backward else pair)) for pair in pairs]

"""Gives freed memory back to the system while a session runs.

Decoders allocate frames that writers free, lanes allocate tensors that others free: glibc's heaps
are one a thread, fragment under that, and keep what was freed. 2,500 frames at 512x512 left a
process 700 MB larger without, about 400 MB with this.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

import psutil

from ..errors import SettingError

INTERVAL_S = 2.0


def malloc_trim() -> Callable[[int], int] | None:
    """glibc's ``malloc_trim``; other systems neither have it nor need it."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def resident_bytes() -> int:
    """Memory that this process holds now."""
    return psutil.Process().memory_info().rss


def check_room(name: str, size: int) -> None:
    """Raise SettingError where so many bytes more don't fit into this machine's memory: it would end us."""
    free = psutil.virtual_memory().available
    if size > free:
        raise SettingError(f"{name} needs {size / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free")


class Trimmer:
    """Trims the heaps every few seconds, on the thread that calls it.

    Args:
        trim: called with the bytes to keep, 0; None where the system has none.
        clock: seconds, monotonic.
    """

    def __init__(
        self, trim: Callable[[int], object] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trim = trim
        self._clock = clock
        self._due = clock() + INTERVAL_S

    def tick(self) -> None:
        """Trim if it is time."""
        if self._trim is not None and self._clock() >= self._due:
            self._trim(0)
            self._due = self._clock() + INTERVAL_S

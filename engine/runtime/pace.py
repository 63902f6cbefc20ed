"""How fast frames that come a chunk at a time are shown: evenly, and never far behind."""

from __future__ import annotations

from collections import deque

LONGEST_WAIT_S = 0.5
"""The slowest even pace; a stream below two frames a second is shown as it comes."""

TOGETHER_S = 0.01
"""Frames that come within so many seconds of each other are of one chunk."""

RECENT = 64
"""Frames over which the pace is averaged."""

_QUICKER = 0.95
# A little faster than they come, so that what waits does not grow.


class Pace:
    """Learns from the moments at which frames arrive."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=RECENT)
        self._chunks = (1, 0)  # frames of the last chunk, and of the one that comes now

    def arrived(self, moment: float) -> None:
        """A frame has come, at this moment on the monotonic clock."""
        together = bool(self._arrivals) and moment - self._arrivals[-1] < TOGETHER_S
        last, present = self._chunks
        self._chunks = (last, present + 1) if together else (present, 1)
        self._arrivals.append(moment)

    def interval(self, waiting: int) -> float:
        """Seconds to the next frame while ``waiting`` more are there.

        What waits beyond a chunk is delay that smoothness does not need, so it is caught up with
        before the next one comes.
        """
        arrivals = self._arrivals
        if len(arrivals) < 2:
            return 0.0
        pace = (arrivals[-1] - arrivals[0]) / (len(arrivals) - 1)
        rush = min(1.0, max(self._chunks) / max(1, waiting))
        return min(LONGEST_WAIT_S, pace) * _QUICKER * rush

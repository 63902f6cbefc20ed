"""When something was taken, out of a clock that counts from a moment that nobody knows."""

from __future__ import annotations

DRIFT_S = 0.000_01
"""How much two clocks may drift apart from one picture or packet to the next."""


class SteadyArrival:
    """The shortest delay so far is taken for none; it grows a little, since clocks drift."""

    def __init__(self) -> None:
        self._base = float("inf")

    def of(self, stamp: float, now: float) -> float:
        """``time.monotonic()`` of a stamp in seconds that has come ``now``."""
        self._base = min(self._base + DRIFT_S, now - stamp)
        return self._base + stamp

"""Where in its stream a viewer's picture is, so that sound can be there, too."""

from __future__ import annotations

from collections import deque

SPAN_S = 3.0
"""Pictures of so long before tell the pace."""

STILL_S = 2.0
"""A picture that has stood for so long stands still."""

_OWN_PACE = (0.9, 1.1)
_LEAST_S = 0.5


class ShownClock:
    """Told of each picture that is shown; gives the stream's time in between.

    Pictures come unevenly, so what counts is the mean of the latest ones.
    """

    def __init__(self) -> None:
        self._shown: deque[tuple[float, float]] = deque()

    def show(self, pts: float, now: float) -> None:
        """A picture is shown.

        Args:
            pts: its time, seconds since the stream's start.
            now: ``time.monotonic()``.
        """
        if self._shown and pts < self._shown[-1][1]:  # another stream
            self._shown.clear()
        self._shown.append((now, pts))
        while self._shown[0][0] < now - SPAN_S:
            self._shown.popleft()

    def forget(self) -> None:
        """Another stream begins."""
        self._shown.clear()

    def position(self, now: float) -> float | None:
        """Seconds since the stream's start; None where it does not play at its own speed."""
        shown = list(self._shown)
        if not shown or now - shown[-1][0] > STILL_S:
            return None
        passed = shown[-1][0] - shown[0][0]
        pace = (shown[-1][1] - shown[0][1]) / passed if passed > _LEAST_S else 0.0
        if not _OWN_PACE[0] <= pace <= _OWN_PACE[1]:
            return None
        return now + sum(pts - moment for moment, pts in shown) / len(shown)

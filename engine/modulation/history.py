"""What a signal was at each moment of a stream, for as long as a chunk may still ask."""

from __future__ import annotations

from bisect import bisect_right

KEPT_S = 60.0
"""Chunks are read far less ahead of the pictures that are being made."""


class History:
    """Rows of values at rising times; one thread at a time.

    Args:
        names: of a row's values.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._columns = {name: index for index, name in enumerate(names)}
        self._times: list[float] = []
        self._rows: list[tuple[float, ...]] = []

    def add(self, time: float, row: tuple[float, ...]) -> None:
        """Values that hold from ``time`` on, in seconds."""
        self._times.append(time)
        self._rows.append(row)
        if self._times[0] < time - 2 * KEPT_S:  # seldom, for it moves them all
            old = bisect_right(self._times, time - KEPT_S)
            del self._times[:old], self._rows[:old]

    def mean(self, name: str, time: float, span: float = 0.0) -> float:
        """The value at a time, or its mean over ``span`` seconds before it; 0 where nothing is known yet."""
        column, end = self._columns[name], bisect_right(self._times, time)
        begin = min(bisect_right(self._times, time - span), end - 1)
        if end == 0:
            return 0.0
        values = [row[column] for row in self._rows[begin:end]]
        return sum(values) / len(values)

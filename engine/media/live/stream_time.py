"""One line of time out of a source's own clock and the moments at which its pictures come."""

from __future__ import annotations

from fractions import Fraction

JUMP_S = Fraction(1)
"""A stamp further than this from the moment of arrival begins a new stretch of the source's clock."""

STEP_S = Fraction(1, 1000)
"""The least distance between two pictures."""


class StreamTime:
    """Keeps the source's even spacing, and real time over a reconnection or a jump of its clock."""

    def __init__(self) -> None:
        self._zero: float | None = None
        self._offset: Fraction | None = None
        self._last = -STEP_S

    def at(self, stamp: Fraction | None, moment: float) -> Fraction:
        """Seconds since the first picture.

        Args:
            stamp: seconds on the source's clock, or None where it has none.
            moment: ``time.monotonic()`` of the picture.
        """
        if self._zero is None:
            self._zero = moment
        real = Fraction(round((moment - self._zero) * 1_000_000), 1_000_000)
        time = real
        if stamp is not None:
            if self._offset is None or abs(stamp + self._offset - real) > JUMP_S:
                self._offset = real - stamp
            time = stamp + self._offset
        self._last = max(time, self._last + STEP_S)
        return self._last

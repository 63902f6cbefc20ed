"""One line of time out of a source's own clock and the moments at which its pictures come."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

JUMP_S = Fraction(1)
"""A stamp further than this from the moment of arrival begins a new stretch of the source's clock."""

STRETCHES = 4
"""Of the source's clock that sound may still come from."""

STEP_S = Fraction(1, 1000)
"""The least distance between two pictures."""


class StreamTime:
    """Keeps the source's even spacing, and real time over a reconnection or a jump of its clock."""

    def __init__(self) -> None:
        self._zero: float | None = None
        self._offset: Fraction | None = None
        self._offsets: deque[Fraction] = deque(maxlen=STRETCHES)
        self._last = -STEP_S

    def at(self, stamp: Fraction | None, moment: float) -> Fraction:
        """Seconds since the first picture.

        Args:
            stamp: seconds on the source's clock, or None where it has none.
            moment: ``time.monotonic()`` of the picture.
        """
        if self._zero is None:
            self._zero = moment
        real = self._real(moment)
        time = real
        if stamp is not None:
            if self._offset is None or abs(stamp + self._offset - real) > JUMP_S:
                self._offset = real - stamp
                self._offsets.append(self._offset)
            time = stamp + self._offset
        self._last = max(time, self._last + STEP_S)
        return self._last

    @property
    def begun(self) -> bool:
        """Whether there was a picture."""
        return self._zero is not None

    def of_sound(self, stamp: Fraction | None, moment: float) -> Fraction:
        """The same for sound, from any thread once it has begun: in the stretch that it fits best.

        Sound of a new connection may come before its first picture has been read.
        """
        real = self._real(moment)
        times = [] if stamp is None else [stamp + offset for offset in tuple(self._offsets)]
        best = min(times, key=lambda time: abs(time - real), default=real)
        return best if abs(best - real) <= JUMP_S else real

    def _real(self, moment: float) -> Fraction:
        assert self._zero is not None
        return Fraction(round((moment - self._zero) * 1_000_000), 1_000_000)

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
        self._zero: Fraction | None = None
        self._offsets: deque[Fraction] = deque(maxlen=STRETCHES)
        self._last = -STEP_S

    def seen(self, stamp: Fraction | None, moment: float) -> None:
        """A picture has come, which may be read later or never; ``stamp`` and ``moment`` as of ``at``.

        So that sound, which may be read before, is in step with it from its first one on.
        """
        if stamp is not None and self._fitting(stamp, _exact(moment)) is None:
            self._offsets.append(_exact(moment) - stamp)

    def at(self, stamp: Fraction | None, moment: float) -> Fraction:
        """Seconds since the first picture that was read.

        Args:
            stamp: seconds on the source's clock, or None where it has none.
            moment: ``time.monotonic()`` of the picture.
        """
        self.seen(stamp, moment)
        if self._zero is None:
            self._zero = self._placed(stamp, moment)
        self._last = max(self.of_sound(stamp, moment), self._last + STEP_S)
        return self._last

    @property
    def begun(self) -> bool:
        """Whether a picture was read."""
        return self._zero is not None

    def of_sound(self, stamp: Fraction | None, moment: float) -> Fraction:
        """The same for sound, from any thread once it has begun: in the stretch that it fits best."""
        assert self._zero is not None
        return self._placed(stamp, moment) - self._zero

    def _placed(self, stamp: Fraction | None, moment: float) -> Fraction:
        """On the clock of ``moment``."""
        fitting = None if stamp is None else self._fitting(stamp, _exact(moment))
        return _exact(moment) if fitting is None else fitting

    def _fitting(self, stamp: Fraction, real: Fraction) -> Fraction | None:
        """The stamp on the clock of ``real``, in the stretch that it fits best; None where it fits none."""
        times = [stamp + offset for offset in tuple(self._offsets)]
        best = min(times, key=lambda time: abs(time - real), default=None)
        return None if best is None or abs(best - real) > JUMP_S else best


def _exact(moment: float) -> Fraction:
    return Fraction(round(moment * 1_000_000), 1_000_000)

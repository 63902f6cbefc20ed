"""A number on its way to a new value, as a function of stream time: a file renders the same each time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

LONGEST_FADE_S = 600.0


@dataclass
class Glide:
    """From ``start`` to ``end`` in a straight line.

    Attributes:
        start, end: the values.
        seconds: of the stream, above 0.
        begun: pts at which it begins; None until the first chunk reads it.
        now: the value of the latest pts that was read.
    """

    start: float
    end: float
    seconds: float
    begun: Fraction | None = None

    def __post_init__(self) -> None:
        self.now = self.start
        self._latest: Fraction | None = None

    def at(self, pts: Fraction) -> float:
        """The value of a chunk whose first frame has this pts; an earlier chunk may still be denoised."""
        if self.begun is None:
            self.begun = pts
        share = min(1.0, max(0.0, float(pts - self.begun) / self.seconds))
        # The end itself, not what rounding makes of it.
        value = self.end if share == 1 else self.start + (self.end - self.start) * share
        if self._latest is None or pts >= self._latest:
            self._latest, self.now = pts, value
        return value

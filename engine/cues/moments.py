"""Frames of a stream by number and by time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

KEPT = 4096
"""Frames that are remembered at least: chunks are read far less behind the source."""


class Moment(NamedTuple):
    """A frame: its number, and its pts in seconds since the stream's start."""

    frame: int
    pts: Fraction


START = Moment(0, Fraction(0))


class Moments:
    """The latest frames that have gone into a stream; one thread at a time."""

    def __init__(self) -> None:
        self._frames: list[int] = []
        self._pts: list[Fraction] = []

    def add(self, first: int, pts: Sequence[Fraction]) -> None:
        """Frames from number ``first`` on, behind those before."""
        self._frames.extend(range(first, first + len(pts)))
        self._pts.extend(pts)
        if len(self._frames) > 2 * KEPT:  # seldom, for it moves them all
            del self._frames[:-KEPT], self._pts[:-KEPT]

    def from_pts(self, pts: Fraction) -> Moment | None:
        """The first frame at this time or behind it; None where it is still to come."""
        return self._at(bisect_left(self._pts, pts))

    def from_frame(self, frame: int) -> Moment | None:
        """The same by number."""
        return self._at(bisect_left(self._frames, frame))

    def _at(self, place: int) -> Moment | None:
        return Moment(self._frames[place], self._pts[place]) if place < len(self._frames) else None

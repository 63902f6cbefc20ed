"""A live value that a cue has set, as a function of stream time: a file renders the same each time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ..cues.moments import Moment
from ..takes.lane import Value
from .glide import Glide

if TYPE_CHECKING:
    from .live_values import Entry

KEPT_S = 60
"""Chunks are read far less ahead of the pictures that are being made."""


@dataclass
class Cued:
    """From a frame on; chunks before it, which may still be read, have what was there before.

    Attributes:
        value: the cue's.
        at: the frame from which on it holds, or glides there.
        glide: None where it switches.
        before: None once no chunk asks for it.
    """

    value: Value
    at: Moment
    glide: Glide | None
    before: Entry | None

    @staticmethod
    def follow(before: Entry, value: Value, at: Moment, fade: float) -> Cued:
        """The course of a value that a cue changes; ``fade`` in seconds, 0 where it can't glide."""
        start = before.at(at.pts, at.frame).value
        earlier = before
        while isinstance(earlier.course, Cued) and earlier.course.before is not None:
            if earlier.course.at.pts < at.pts - KEPT_S:
                earlier.course.before = None
                break
            earlier = earlier.course.before
        glide = Glide(float(start), float(value), fade, at.pts) if fade and start != value else None
        return Cued(value, at, glide, before)

    @property
    def now(self) -> Value:
        """The value of the latest pts that was read."""
        return self.glide.now if self.glide else self.value

    def covers(self, pts: Fraction | None) -> bool:
        """Whether it is this cue that makes the value of a chunk."""
        return pts is None or self.before is None or pts >= self.at.pts

    def value_at(self, pts: Fraction | None) -> Value:
        """The value of a chunk that it covers."""
        return self.glide.at(pts) if self.glide and pts is not None else self.now

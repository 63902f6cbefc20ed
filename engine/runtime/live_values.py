"""A live value at one moment: what it is, which change it came with, what moves it, and its receipts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, TypedDict

from ..cues.moments import Moment
from ..modulation.modulator import Modulator
from ..takes.lane import Played, Value
from .drive import Drive
from .glide import Glide

KEPT_S = 60
"""Seconds: chunks are read far less ahead of the pictures that are being made."""


class Receipt(TypedDict, total=False):
    """JSON-able answer to a change.

    ``received`` carries the value; ``applied`` the first frame that shows it, and the
    milliseconds since it was received; ``rejected`` a one-line message. ``scheduled`` is a value
    that a schedule set by itself: no change of ours, so without ``seq`` and ``ms``. ``gliding`` is where
    a fade has come to; its ``received`` says in ``fade`` how many seconds of the stream it takes, and its
    ``applied`` comes with its end. ``modulated`` is what a modulator makes of a value; its ``received`` has
    the ``modulator``, None where one was taken away. ``cues`` says where the cue list stands, and is no
    answer to a change. ``sender`` says whose number ``seq`` is, where the
    change had one.
    """

    type: Literal["received", "applied", "rejected", "scheduled", "gliding", "modulated", "cues"]
    key: str
    seq: int
    sender: str
    value: Value
    fade: float
    modulator: dict[str, Any] | None
    cues: dict[str, Any]
    chunk: int
    frame: int
    pts: float
    ms: float
    message: str


@dataclass
class Cued:
    """A value that a cue has set, from a frame on.

    Chunks before that frame, which may still be read, have what was there before.

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

    def value_at(self, pts: Fraction | None) -> Value:
        """The value of a chunk that begins at its frame or later."""
        return self.glide.at(pts) if self.glide and pts is not None else self.now


Course = Glide | Drive | Played | Cued
"""What moves a value."""


@dataclass(frozen=True)
class Entry:
    """A value, which change of the session it came with (0: the widget's start value), and what moves it.

    Under a modulator it is the value that the number has without one.
    """

    value: Value
    version: int = 0
    seq: int = 0
    received: float = 0.0
    sender: str = ""
    course: Course | None = None

    @property
    def modulator(self) -> Modulator | None:
        """What moves it for good, or did when the take was made that moves it."""
        return self.course.modulator if isinstance(self.course, Drive | Played) else None

    @property
    def resting(self) -> Value:
        """The value of now without what a modulator makes of it."""
        if isinstance(self.course, Drive):
            return self.value
        return self.course.resting if isinstance(self.course, Played) else self.at(None).value

    def modulator_at(self, frame: int) -> Modulator | None:
        """What makes the value of a chunk that begins with this frame."""
        if isinstance(self.course, Cued) and self.course.before and frame < self.course.at.frame:
            return self.course.before.modulator_at(frame)
        return self.course.modulator_at(frame) if isinstance(self.course, Played) else self.modulator

    def at(self, pts: Fraction | None, frame: int | None = None) -> Entry:
        """What a chunk reads whose first frame this is; of a fade on its way no change is told."""
        course = self.course
        if course is None:
            return self
        if isinstance(course, Cued):
            if course.before is not None and pts is not None and pts < course.at.pts:
                return course.before.at(pts, frame)
            value = course.value_at(pts)
        elif isinstance(course, Played):
            value = course.now if frame is None else course.at(frame)
        else:
            value = course.now if pts is None else course.at(pts)
        if value == self.value:
            return self
        return replace(self, value=value, version=self.version if isinstance(course, Drive) else 0)

    def receipt(self, kind: Literal["received", "applied", "rejected"], key: str, **facts: Any) -> Receipt:
        """An answer to the change that the value came with."""
        answer = Receipt(type=kind, key=key, seq=self.seq, **facts)
        if self.sender:
            answer["sender"] = self.sender
        return answer


class LiveValues(Mapping[str, Value]):
    """The values of one moment; remembers which change each came with."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    def __getitem__(self, key: str) -> Value:
        return self.entries[key].value

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

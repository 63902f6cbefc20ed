"""One live value over the frames of a stream, as steps."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

Value = float | int | str


@dataclass
class Lane:
    """What a live value was from which frame on.

    Attributes:
        start: its value at the stream's first frame.
        frames: numbers of the frames at which it changed, ascending: of the first frame of the chunk that
            read the change.
        pts: the same in seconds since the stream's start.
        values: from those frames on.
    """

    start: Value
    frames: list[int] = field(default_factory=list)
    pts: list[float] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)

    @property
    def last(self) -> Value:
        """The value from the last change on."""
        return self.values[-1] if self.values else self.start

    def add(self, frame: int, pts: float, value: Value) -> None:
        """Append a change; ``frame`` lies behind those before it."""
        self.frames.append(frame)
        self.pts.append(pts)
        self.values.append(value)

    def at(self, frame: int) -> Value:
        """The value of a chunk that begins with this frame."""
        index = bisect_right(self.frames, frame)
        return self.values[index - 1] if index else self.start


class Played:
    """A lane that is played back, in the place of what a hand sets.

    Attributes:
        now: the value of the latest frame that was read.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._latest = 0
        self.now = lane.start

    def at(self, frame: int) -> Value:
        """The value of a chunk that begins with this frame; an earlier chunk may still be denoised."""
        value = self._lane.at(frame)
        if frame >= self._latest:
            self._latest, self.now = frame, value
        return value

"""One live value over the frames of a stream, as steps."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from operator import itemgetter

from ..modulation.modulator import Modulator

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
        turns: the frames from which on another modulator, or none, made the values; none did before.
    """

    start: Value
    frames: list[int] = field(default_factory=list)
    pts: list[float] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    turns: list[tuple[int, Modulator | None]] = field(default_factory=list)

    @property
    def last(self) -> Value:
        """The value from the last change on."""
        return self.values[-1] if self.values else self.start

    @property
    def modulator(self) -> Modulator | None:
        """What has made the last value."""
        return self.turns[-1][1] if self.turns else None

    def add(self, frame: int, pts: float, value: Value, modulator: Modulator | None = None) -> None:
        """Append a change; ``frame`` lies behind those before it."""
        self.frames.append(frame)
        self.pts.append(pts)
        self.values.append(value)
        if self.turns and self.turns[-1][0] == frame:
            self.turns.pop()
        if modulator != self.modulator:
            self.turns.append((frame, modulator))

    def at(self, frame: int) -> Value:
        """The value of a chunk that begins with this frame."""
        index = bisect_right(self.frames, frame)
        return self.values[index - 1] if index else self.start

    def modulator_at(self, frame: int) -> Modulator | None:
        """What has made that value."""
        index = bisect_right(self.turns, frame, key=itemgetter(0))
        return self.turns[index - 1][1] if index else None

    def resting(self, frame: int) -> Value:
        """That value without what a modulator made of it."""
        index = bisect_right(self.turns, frame, key=itemgetter(0))
        while index and self.turns[index - 1][1] is not None:
            index -= 1
            frame = self.turns[index][0] - 1
        return self.at(frame)


class Played:
    """A lane that is played back, in the place of what a hand sets.

    Attributes:
        now: the value of the latest frame that was read.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._latest = 0
        self.now = lane.start

    @property
    def modulator(self) -> Modulator | None:
        """What made that value when it was played."""
        return self._lane.modulator_at(self._latest)

    @property
    def resting(self) -> Value:
        """That value without what the modulator made of it."""
        return self._lane.resting(self._latest)

    def at(self, frame: int) -> Value:
        """The value of a chunk that begins with this frame; an earlier chunk may still be denoised."""
        value = self._lane.at(frame)
        if frame >= self._latest:
            self._latest, self.now = frame, value
        return value

    def modulator_at(self, frame: int) -> Modulator | None:
        """What made the value of that chunk."""
        return self._lane.modulator_at(frame)

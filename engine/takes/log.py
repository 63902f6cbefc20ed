"""What the chunks of a session have read, as it happens."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, NamedTuple

from ..modulation.modulator import Modulator
from .lane import Lane, Value

MOST_CHANGES = 100_000
"""Of a take: an hour of a fader that moves with every frame. Later ones are not logged."""


class Change(NamedTuple):
    """A live value that the chunk from this frame on was the first to read; ``pts`` in seconds.

    ``modulator`` is what made it: ``same`` as of the key's change before, where there is none nothing.
    """

    frame: int
    pts: float
    key: str
    value: Value
    modulator: Modulator | Literal["same"] | None = "same"


class Swapped(NamedTuple):
    """Where a take ends: from there on the pictures come from another model or source, ``name``.

    The first ``changes`` are before it, and those of earlier frames.
    """

    frame: int
    name: str
    changes: int


class TakeLog:
    """Lanes that grow. The store's lock guards it; ``changes`` and ``swapped`` may be read without.

    Attributes:
        lanes: of all keys.
        changes: in the order in which they were read.
        swapped: where the first model or source was swapped for another, if one was.
    """

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.changes: list[Change] = []
        self.swapped: Swapped | None = None
        self._reached: dict[str, int] = {}

    def begin(self, values: Mapping[str, Value]) -> None:
        """The keys that there are, and what they are before the first chunk."""
        self.lanes = {key: Lane(value) for key, value in values.items()}

    def swap(self, frame: int, name: str, done: bool = True) -> None:
        """Another model or source gives the pictures from this frame on: all takes end here.

        ``done`` where the frames before it are: what is read from now on isn't theirs.
        """
        if self.swapped is None or frame < self.swapped.frame:
            self.swapped = Swapped(frame, name, len(self.changes) if done else 0)

    def since(self, after: int) -> tuple[list[Change], int]:
        """The changes behind so many that belong into a take, and how many there are in all."""
        swapped, fresh = self.swapped, self.changes[after:]
        count = after + len(fresh)
        if swapped is not None:
            numbered = enumerate(fresh, after)
            fresh = [each for at, each in numbered if at < swapped.changes or each.frame < swapped.frame]
        return fresh, count

    def read(
        self, key: str, value: Value, frame: int, pts: Fraction | None, modulator: Modulator | None = None
    ) -> Value:
        """What a chunk gets that begins with this frame.

        Where another branch of the plan has read the key for this frame or a later one, the chunk gets what
        that one got, so that branches change at the same frame.

        Args:
            value: what the key is now.
            pts: of that frame, seconds; None behind the end of the stream.
            modulator: what has made it.
        """
        lane = self.lanes.setdefault(key, Lane(value))  # a key that came with another model
        if frame <= self._reached.get(key, -1):
            return lane.at(frame)
        if value != lane.last or modulator != lane.modulator:
            if len(self.changes) >= MOST_CHANGES:
                return value
            turned = "same" if modulator == lane.modulator else modulator
            change = Change(frame, float(pts or 0), key, value, turned)
            lane.add(change.frame, change.pts, value, modulator)
            self.changes.append(change)
        self._reached[key] = frame
        return value

"""Which cue a stream has come to, counted by its own frames: a file renders the same each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ..errors import SettingError
from .cue import Cue, CueList
from .moments import START, Moment, Moments


class Played(NamedTuple):
    """A cue that is due.

    Attributes:
        cue: whose values the stream takes on.
        at: the frame that it waited for, which may lie before the chunk that reads it first.
    """

    cue: Cue
    at: Moment


class CuePlayer:
    """One for a session; any thread may call anything.

    A cue that goes by itself belongs to a frame of the source, not to the chunk or the thread that comes by
    first, so the branches of a plan and later renders have it at the same place.

    Args:
        cut_after: the pts of the first scene cut behind a pts, or None.

    Attributes:
        cues: the list.
        now: number of the cue that was played last, from 0 on; -1 for none.
        held: whether cues wait that would go by themselves.
    """

    def __init__(self, cut_after: Callable[[Fraction], Fraction | None]) -> None:
        self.cues = CueList()
        self.now = -1
        self.held = False
        self._cut_after = cut_after
        self._lock = threading.Lock()
        self._moments = Moments()
        self._asked: list[int] = []
        self._latest = START  # frame that a chunk has begun with
        self._counted = START  # from which the next cue counts
        self._cuts = START.pts
        self._held_at: Moment | None = None

    def load(self, cues: CueList) -> None:
        """Another list; what was played stays where it was."""
        with self._lock:
            if cues != self.cues:
                self.cues, self.now = cues, min(self.now, len(cues.cues) - 1)
                self._asked.clear()

    def go(self, step: int = 1) -> None:
        """Play the next cue with the next chunk, or (-1) the one before it again.

        Raises:
            SettingError: there is none.
        """
        with self._lock:
            wanted = (self._asked[-1] if self._asked else self.now) + step
            if not self.cues.cues:
                raise SettingError("There are no cues: add some under the picture.")
            if not 0 <= wanted < len(self.cues.cues):
                raise SettingError("This is the first cue." if step < 0 else "This was the last cue.")
            self._asked.append(wanted)

    def hold(self, on: bool) -> None:
        """Have cues wait that would go by themselves; the count goes on where it stood."""
        self.held = on

    def passed(self, first: int, pts: Sequence[Fraction]) -> None:
        """Frames of the source have gone into the stream."""
        with self._lock:
            self._moments.add(first, pts)

    def due(self, frame: int, pts: Fraction) -> list[Played]:
        """The cues that a chunk is the first to find due, in order.

        Args:
            frame, pts: of the chunk's first frame.
        """
        here = Moment(frame, pts)
        with self._lock:
            if here.frame < self._latest.frame:  # an earlier chunk, which is still denoised
                return []
            self._latest = here
            played = [self._play(number, here) for number in self._asked]
            self._asked.clear()
            self._follow_hold(here)
            while not self.held and (at := self._next(here)) is not None:
                played.append(self._play(self.now + 1, at))
        return played

    def status(self) -> dict[str, Any]:
        """Where the list stands, as JSON; ``due``: the frame or pts at which the next cue goes, if known."""
        with self._lock:
            cues, following = self.cues.cues, self._following
            due: dict[str, float] | None = None
            if following is not None and not self.held:
                if following.when == "frames":
                    due = {"frame": self._counted.frame + int(following.after)}
                elif following.when in ("seconds", "bars"):
                    due = {"pts": float(self._counted.pts + self.cues.seconds(following))}
            return {
                "count": len(cues),
                "now": self.now,
                "name": cues[self.now].name if self.now >= 0 else "",
                "next": following.name if following else "",
                "when": following.when if following else "",
                "due": due,
                "held": self.held,
            }

    @property
    def _following(self) -> Cue | None:
        after = self.now + 1
        return self.cues.cues[after] if after < len(self.cues.cues) else None

    def _play(self, number: int, at: Moment) -> Played:
        self.now, self._counted, self._cuts = number, at, at.pts
        if self._held_at is not None:
            self._held_at = at
        return Played(self.cues.cues[number], at)

    def _follow_hold(self, here: Moment) -> None:
        if self.held:
            self._held_at = self._held_at or here
        elif self._held_at is not None:
            (frame, pts), since = self._counted, self._held_at
            self._counted = Moment(frame + here.frame - since.frame, pts + here.pts - since.pts)
            self._cuts, self._held_at = here.pts, None

    def _next(self, here: Moment) -> Moment | None:
        """The frame at which the next cue goes by itself, where that isn't behind this one."""
        cue = self._following
        if cue is None or cue.when == "hand":
            return None
        if cue.when == "frames":
            frame = self._counted.frame + int(cue.after)
            at, reached = self._moments.from_frame(frame), frame <= here.frame
        else:
            cut = cue.when == "cut"
            pts = self._cut_after(self._cuts) if cut else self._counted.pts + self.cues.seconds(cue)
            at, reached = (None, False) if pts is None else (self._moments.from_pts(pts), pts <= here.pts)
        return (at if at is not None and at.frame <= here.frame else here) if reached else None

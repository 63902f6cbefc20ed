"""The source of a stream that plays, and another one that takes its place."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from .status import SourceStatus
from .types import Ending, Frames, FrameSource, Resize


@dataclass
class Newcomer:
    """A source that waits to take over.

    Attributes:
        source: started at the size that the stream has.
        head: its first frames, where they were read already.
        at_border: called on the reading thread with the number and the time of its first frame in the stream.
        over: set when it has taken over, or never will.
        joined: which of the two.
    """

    source: FrameSource
    head: Frames | None
    at_border: Callable[[int, Fraction], None]
    over: threading.Event = field(default_factory=threading.Event)
    joined: bool = False


class PlayingSource(FrameSource):
    """Frames of a source and of those that follow it: numbered through, and timed on without a gap.

    Args:
        source: the first one, connected; closed with this, or when another has taken its place.
    """

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._next: Newcomer | None = None
        self._head: Frames | None = None
        self._leaving: list[threading.Thread] = []
        self._over = self._stopped = self._followed = False
        self._first = self._given = 0
        self._zero: Fraction | None = Fraction(0)
        self._due = Fraction(0)
        self.info, self.audio = source.info, source.audio

    def start(self, width: int, height: int, resize: Resize) -> None:
        self._source.start(width, height, resize)

    def follow(self, newcomer: Newcomer) -> bool:
        """Have it take over with the next read, or at the end of the one that plays; any thread.

        False where it is too late: then it stays the caller's.
        """
        with self._lock:
            if self._over or self._stopped or self._next is not None:
                return False
            self._next = newcomer
            return True

    def withdraw(self, newcomer: Newcomer) -> bool:
        """The caller's again; False where it has taken over or is closed. Any thread."""
        with self._lock:
            if self._next is not newcomer:
                return False
            self._next = None
            return True

    def read(self, count: int) -> Frames | None:
        self._go_over()
        while (frames := self._taken(count)) is None:
            with self._lock:
                self._over = self._next is None or self._stopped
            if self._over:
                return None
            self._go_over()
        if self._zero is None:
            self._zero = self._due - frames.pts[0]
        if self._followed:
            pts = tuple(moment + self._zero for moment in frames.pts)
            frames = replace(frames, index=frames.index + self._first, pts=pts)
        self._given, self._due = frames.index + len(frames), frames.pts[-1] + 1 / self.info.fps
        return frames

    def status(self) -> SourceStatus | None:
        return self._source.status()

    def ending(self) -> Ending | None:
        """Of the first source only: the sound is its, and isn't heard behind the last frame of another."""
        return None if self._followed else self._source.ending()

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._source.stop()

    def close(self) -> None:
        with self._lock:
            self._over = self._stopped = True
            new, self._next = self._next, None
        self._source.close()
        if new is not None:
            new.source.close()
            new.over.set()
        for thread in self._leaving:
            thread.join()
        self.audio = self._head = None

    def _taken(self, count: int) -> Frames | None:
        head, self._head = self._head, None
        if head is None:
            return self._source.read(count)
        rest = self._source.read(count - len(head)) if count > len(head) else None
        return head if rest is None else Frames.join([head, rest])

    def _go_over(self) -> None:
        with self._lock:
            new = self._next
            if new is None or self._stopped:
                return
            old, self._source, self._next = self._source, new.source, None
            self._followed = True
        self._first, self._zero, self._head = self._given, None, new.head
        self.info, self.audio = replace(new.source.info, fps=self.info.fps), new.source.audio
        new.at_border(self._given, self._due)
        new.joined = True
        new.over.set()
        # A camera may take seconds to let go.
        leaving = threading.Thread(target=old.close, name="livestyle-close", daemon=True)
        leaving.start()
        self._leaving = [*(each for each in self._leaving if each.is_alive()), leaving]

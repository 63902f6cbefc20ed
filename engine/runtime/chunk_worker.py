"""Work on a chunk at a time, on a thread of its own, between edges."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ..media.types import Frames
from .control import Control
from .edge import Fanout
from .telemetry import Telemetry


class ChunkWorker(ABC):
    """``advance`` belongs to the session's thread.

    Args:
        stage, name: the work's in telemetry, and in an error's line.
        outlet: everyone who uses the result.
        telemetry: gets the time of each chunk.
        control: woken when a chunk is done; gets failures.
    """

    def __init__(self, stage: str, name: str, outlet: Fanout, telemetry: Telemetry, control: Control) -> None:
        self._stage, self._name = stage, name
        self._outlet, self._telemetry, self._control = outlet, telemetry, control
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"livestyle-{stage}")
        self._job: Future[Frames | None] | None = None
        self._ended = False

    @abstractmethod
    def _begin(self) -> Callable[[], Frames] | None:
        """The next chunk's work, to be done on the thread; None while none is there."""

    @abstractmethod
    def _done(self, frames: Frames) -> None:
        """Answer the changes that a chunk shows, just before it is passed on."""

    @property
    @abstractmethod
    def _exhausted(self) -> bool:
        """Whether nothing is left to work on."""

    @property
    def working(self) -> bool:
        """Whether the thread is at work for us."""
        return self._job is not None and not self._job.done()

    def advance(self) -> bool:
        moved = False
        if self._job is not None and not self.working and self._outlet.room:
            frames, self._job = self._job.result(), None
            if frames is not None:  # else it failed, which ``control`` has
                self._done(frames)
                self._outlet.push(frames)
            moved = True
        work = self._begin() if self._job is None and not self._ended else None
        if work is not None:
            self._job = self._thread.submit(self._work, work)
            self._job.add_done_callback(lambda _: self._control.wake())
            moved = True
        if not self._ended and self._job is None and self._exhausted:
            self._ended = True
            self._outlet.end()
            moved = True
        return moved

    def release(self) -> None:
        """Let go of the thread; call when not ``working``."""
        self._thread.shutdown(wait=False)

    def _work(self, work: Callable[[], Frames]) -> Frames | None:
        started = time.perf_counter()
        try:
            done = work()
        except BaseException as error:  # ends the session, on its own thread
            self._control.fail(self._name, error)
            return None
        self._telemetry.stage(self._stage, time.perf_counter() - started)
        return done

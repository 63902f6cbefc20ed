"""A sink on its own thread: encoding and muxing never hold up the lanes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ..log import log
from ..media.status import TargetStatus
from ..media.types import Frames, FrameSink, SinkResult
from .compare import composite
from .control import Control
from .plan import CompareMode
from .telemetry import Telemetry

NOTHING_WRITTEN = SinkResult(path=None, frames=0, complete=False)

QUEUE = 2
"""Chunks that may wait for the sink."""


class SinkWriter:
    """Opens a sink, feeds it from a short queue, closes or aborts it; all on one thread.

    Args:
        open_sink: opens the target; called on the writing thread.
        compare: how a frame and its source become one picture.
        control: woken when there is room or the file is done; gets failures.
        telemetry: gets the time of each write.
        on_written: called on the writing thread with every chunk that the sink has taken.
    """

    def __init__(
        self,
        open_sink: Callable[[], FrameSink],
        compare: CompareMode,
        control: Control,
        telemetry: Telemetry,
        on_written: Callable[[Frames], None],
    ) -> None:
        self._open_sink = open_sink
        self._compare: CompareMode = compare
        self._control = control
        self._telemetry = telemetry
        self._on_written = on_written
        self._queue: deque[Frames] = deque()
        self._changed = threading.Condition()
        self._ending = False
        self._aborting = False
        self._sink: FrameSink | None = None
        self.result: SinkResult | None = None
        self._thread = threading.Thread(target=self._work, name="livestyle-write", daemon=True)

    def start(self) -> None:
        """Open the sink and begin."""
        self._thread.start()

    def status(self) -> TargetStatus | None:
        """How the target is doing; None before it is open, and where there is nothing to show."""
        sink = self._sink
        return None if sink is None else sink.status()

    @property
    def room(self) -> bool:
        """Whether ``put`` may be called."""
        with self._changed:
            return len(self._queue) < QUEUE

    def put(self, frames: Frames) -> None:
        """Queue a chunk; its ``source`` is what it is compared with."""
        with self._changed:
            self._queue.append(frames)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will be put: write what waits, then close the file cleanly."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def abort(self) -> None:
        """Forget what waits and leave the file playable, at once."""
        with self._changed:
            self._aborting = True
            self._queue.clear()
            self._changed.notify_all()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the thread; False when it is still at work after ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        sink: FrameSink | None = None
        result = NOTHING_WRITTEN
        try:
            sink = self._sink = self._open_sink()
            while (frames := self._next()) is not None:
                self._write(sink, frames)
            if not self._aborting:
                result = self._timed(sink.close)
                sink = None
        except BaseException as error:  # ends the session, on its own thread
            self._control.fail("Write", error)
        if sink is not None:
            try:
                result = sink.abort()
            except Exception:
                log.exception("The target could not be left in order")
        self.result = result
        self._control.wake()

    def _next(self) -> Frames | None:
        """The next chunk; None at the end or on abort."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ending or self._aborting)
            if self._aborting or not self._queue:
                return None
            frames = self._queue.popleft()
        self._control.wake()
        return frames

    def _write(self, sink: FrameSink, frames: Frames) -> None:
        shown = frames
        if self._compare != "off":
            assert frames.source is not None
            shown = replace(frames, pixels=composite(self._compare, frames.source, frames.pixels))
        self._timed(lambda: sink.write(shown))
        self._on_written(frames)

    def _timed(self, work: Callable[[], SinkResult | None]) -> SinkResult | None:
        started = time.perf_counter()
        result = work()
        self._telemetry.stage("write", time.perf_counter() - started)
        return result

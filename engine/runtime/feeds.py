"""Where frames come from: a decoding thread per source, or a counter for generators."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from ..media.types import Frames, FrameSource
from ..modulation.signals import Signals
from .control import Control
from .telemetry import Telemetry

STOP_GRACE_S = 1.0
"""How long Stop waits for a source that is blocked before it takes the stream as ended."""


class Feed(Protocol):
    """What a session pulls frames from, a chunk at a time; ``poll`` never blocks."""

    @property
    def ended(self) -> bool:
        """Whether no chunk will come any more."""
        ...

    def poll(self) -> Frames | None:
        """The next chunk if one is ready."""
        ...

    def start(self) -> None:
        """Frames may come from now on."""
        ...

    def stop(self) -> None:
        """End the stream at the next frame; what was decoded is still delivered."""
        ...

    def release(self) -> None:
        """The session ends: nothing is delivered any more."""
        ...


class SourceFeed:
    """Reads a source on its own thread, one chunk ahead of the session.

    A live source is read when the session polls for more: what waited ahead would only grow old.

    Args:
        source: opened and started; the feed closes it, on the reading thread.
        first, chunk_frames: frames in the first chunk and in every later one.
        control: woken when a chunk is ready; gets failures.
        telemetry: gets the time of each read.
        signals: told of what is read, where modulators listen to this source.
        limit: frames to read in all; 0 reads to the end.
    """

    def __init__(
        self,
        source: FrameSource,
        first: int,
        chunk_frames: int,
        control: Control,
        telemetry: Telemetry,
        signals: Signals | None = None,
        limit: int = 0,
    ) -> None:
        self._source = source
        self._first = first
        self._chunk_frames = chunk_frames
        self._control = control
        self._telemetry = telemetry
        self._signals = signals
        self._limit = limit
        self._read_frames = 0
        self._free = threading.Condition()
        self._slot: Frames | None = None
        self._chunk = 0
        self._wanted = False
        self._reading = True
        self._finished = False
        self._released = False
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._read, name="livestyle-decode", daemon=True)

    @property
    def ended(self) -> bool:
        with self._free:
            blocked = self._reading and self._deadline is not None and time.monotonic() > self._deadline
            if blocked:
                self._released = True
            return self._slot is None and (self._finished or self._released)

    def poll(self) -> Frames | None:
        with self._free:
            frames, self._slot = self._slot, None
            self._wanted = frames is None
            self._free.notify_all()
        return frames

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._source.stop()
        with self._free:
            self._deadline = time.monotonic() + STOP_GRACE_S

    def release(self) -> None:
        # A reader that waits for room gives up; one that is blocked does when it comes back.
        self._source.stop()
        with self._free:
            self._released = True
            self._slot = None
            self._free.notify_all()

    def join(self, timeout: float | None) -> bool:
        """Wait for the reading thread; False when the source still blocks it."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _read(self) -> None:
        count = self._first
        try:
            while self._pull(count):
                count = self._chunk_frames
        except BaseException as error:  # ends the session, on its own thread
            self._control.fail("Read", error)
        finally:
            self._source.close()
            if self._signals is not None:
                self._signals.close()
            with self._free:
                self._finished = True
            self._control.wake()

    def _pull(self, count: int) -> bool:
        """Read a chunk into the slot; False at the end of the source or of the session."""
        if self._source.info.endless:
            with self._free:
                self._free.wait_for(lambda: self._wanted or self._released)
        started = time.perf_counter()
        if self._limit:
            count = min(count, self._limit - self._read_frames)
        frames = self._source.read(max(count, 1))  # at the limit one more: a source knows its end only there
        if frames is None or not count:
            return False
        self._read_frames += len(frames)
        if self._signals is not None:
            self._signals.read(frames)
        self._telemetry.stage("read", time.perf_counter() - started)
        captured_at = frames.captured_at or (time.monotonic(),) * len(frames)
        with self._free:
            self._reading = False
            self._free.wait_for(lambda: self._slot is None or self._released)
            if self._released:
                return False
            self._reading = True
            self._slot = replace(frames, captured_at=captured_at, source=frames.pixels, chunk=self._chunk)
        self._chunk += 1
        self._control.wake()
        return True


class CounterFeed:
    """Numbers the frames that a model generates without a source.

    Args:
        length: frames in all; 0 goes on until Stop.
        fps: frames a second.
        first, chunk_frames: frames in the first chunk and in every later one.
    """

    def __init__(self, length: int, fps: Fraction, first: int, chunk_frames: int) -> None:
        self._length = length
        self._fps = fps
        self._count = first
        self._chunk_frames = chunk_frames
        self._index = 0
        self.ended = False

    def poll(self) -> Frames | None:
        if self.ended:
            return None
        count = self._count
        if self._length:
            count = min(count, self._length - self._index)
        numbers = range(self._index, self._index + count)
        pts = tuple(Fraction(number) / self._fps for number in numbers)
        frames = Frames.undrawn(self._index, pts, (time.monotonic(),) * count)
        self._index += count
        self._count = self._chunk_frames
        self.ended = self._index == self._length
        return frames

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self.ended = True

    def release(self) -> None:
        self.ended = True

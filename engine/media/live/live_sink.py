"""A target that is live: it never holds the session up, and comes back when it was lost."""

from __future__ import annotations

import threading
import time
from collections import deque
from fractions import Fraction

import numpy as np

from ...errors import LiveStyleError, MediaError
from ...log import log
from ..status import TargetStatus
from ..types import AudioTrack, Frames, FrameSink, SinkResult
from .capture_loop import BACK_OFF_S
from .sender import Sender
from .track_sound import TrackSound

QUEUE = 16
"""Pictures that wait for a target that is slow; then the oldest are left out."""

AHEAD_S = 0.25
"""A stream that is made faster than it plays, such as from a file, is held back to this."""

BEHIND_S = 1.0
"""A stream this late begins its timing anew."""

_END_S = 3.0


class LiveSink(FrameSink):
    """Sends frames on a thread of its own, at the pace of their timestamps.

    Args:
        sender: taken over.
        size: (width, height) of the frames in pixels.
        fps: their average rate.
        audio: goes along where the sender takes sound.
        keep_last: how many of the last frames to hand back as pixels.
    """

    def __init__(
        self, sender: Sender, size: tuple[int, int], fps: Fraction, audio: AudioTrack | None, keep_last: int
    ) -> None:
        self._sender = sender
        self._size = size
        self._fps = fps
        self._audio = audio if sender.sounds else None
        self._tail: deque[np.ndarray] = deque(maxlen=keep_last)
        self._queue: deque[tuple[np.ndarray, Fraction]] = deque()
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._error: LiveStyleError | None = None
        self._note = ""
        self._connected = False
        self._frames = self._sent = self._dropped = 0
        self._ahead: float | None = None
        self._thread = threading.Thread(target=self._run, name="livestyle-send", daemon=True)
        self._thread.start()

    def write(self, frames: Frames) -> None:
        """Queue frames; waits only while the stream is ahead of its own time."""
        for pixels, moment in zip(frames.pixels, frames.pts, strict=True):
            self._pace(float(moment))
            with self._changed:
                if self._error is not None:
                    raise self._error
                if len(self._queue) >= QUEUE:
                    self._queue.popleft()
                    self._dropped += 1
                self._queue.append((pixels, moment))
                self._frames += 1
                self._changed.notify_all()
            if self._tail.maxlen:
                self._tail.append(pixels.copy())

    def status(self) -> TargetStatus:
        with self._changed:
            state = "failed" if self._error else "sending" if self._connected else "connecting"
            return TargetStatus(self._sender.kind, state, self._note, self._sent, self._dropped)

    def close(self) -> SinkResult:
        return self._end(complete=True)

    def abort(self) -> SinkResult:
        with self._changed:
            self._queue.clear()
        return self._end(complete=False)

    def _end(self, complete: bool) -> SinkResult:
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(_END_S)
        tail = np.stack(self._tail) if self._tail else None
        return SinkResult(None, self._frames, tail, complete)

    def _pace(self, moment: float) -> None:
        now = time.monotonic()
        if self._ahead is None or now - (moment + self._ahead) > BEHIND_S:
            self._ahead = now - moment
        self._ending.wait(max(0.0, moment + self._ahead - AHEAD_S - now))

    def _run(self) -> None:
        attempt = 0
        while not self._ending.is_set():
            before = self._sent
            try:
                self._sender.open(*self._size, self._fps)
                self._tell("", connected=True)
                self._send_all()
                return
            except MediaError as error:
                self._tell(str(error), connected=False)
            except LiveStyleError as error:
                with self._changed:
                    self._error = error
                return
            except Exception as error:  # a driver's; it may come back
                log.exception("%s failed", self._sender.name)
                self._tell(f"{self._sender.name} failed: {error}", connected=False)
            finally:
                self._sender.close()
            attempt = 0 if self._sent > before else attempt + 1
            self._ending.wait(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])

    def _send_all(self) -> None:
        """Until the end, when what waits has been sent; sound begins with the first picture."""
        sound: TrackSound | None = None
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._queue or self._ending.is_set())
                    if not self._queue:
                        return
                    pixels, moment = self._queue.popleft()
                if self._audio is not None:
                    sound = sound or TrackSound(self._audio, moment, "fltp")
                    for frame in sound.until(moment):
                        self._sender.hear(frame)
                self._sender.send(pixels, moment)
                self._sent += 1
        finally:
            if sound is not None:
                sound.close()

    def _tell(self, note: str, connected: bool) -> None:
        with self._changed:
            self._note, self._connected = note, connected

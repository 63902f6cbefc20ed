"""Plays a capture on a thread of its own, and opens it again whenever it is lost."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ...errors import LiveStyleError, MediaError
from ...log import log
from .capture import Capture, CapturedFrame
from .clock import FrameClock

BACK_OFF_S = (0.2, 0.4, 0.8, 1.0)
"""Waits before the attempts to connect again; the last one repeats."""

SILENT_AFTER_S = 0.5
"""A source from which nothing comes for so long is silent."""

_TICK_S = 0.1
_RECENT_S = 2.0

State = Literal["connecting", "playing", "holding", "reconnecting", "paused", "ended"]


@dataclass(frozen=True)
class _Problem:
    """Why there are no pictures; before the first one, the error ends the session."""

    state: State
    note: str
    error: LiveStyleError | None = None


class CaptureLoop:
    """Puts the pictures of a capture into a clock until the capture is over or ``stop`` is called.

    Args:
        capture: used by the loop's thread alone, and closed by it.
        clock: closed with the loop.
        seen: called with every picture, before it is in the clock; on the loop's thread.

    Attributes:
        over: whether no picture will come any more.
        reconnects: how often the source was lost and came back.
    """

    def __init__(
        self,
        capture: Capture,
        clock: FrameClock[CapturedFrame],
        seen: Callable[[CapturedFrame], None] = lambda _: None,
    ) -> None:
        self._capture = capture
        self._clock = clock
        self._seen = seen
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._first: CapturedFrame | None = None
        self._problem: _Problem | None = _Problem("connecting", f"Connecting to {capture.name}")
        self._came = False
        self._arrivals: deque[float] = deque(maxlen=64)
        self.over = False
        self.reconnects = 0
        self._thread = threading.Thread(target=self._run, name="livestyle-capture", daemon=True)
        self._thread.start()

    def wait_for_first(self, seconds: float, given_up: Callable[[], bool]) -> CapturedFrame:
        """The first picture.

        Args:
            seconds: how long it may take.
            given_up: asked a few times a second; True ends the wait.

        Raises:
            LiveStyleError: there is none; what the source said, if it said something.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._decided and not given_up() and time.monotonic() < deadline:
                self._changed.wait(_TICK_S)
            first, problem = self._first, self._problem
        if first is not None:
            return first
        if problem is not None and problem.error is not None:
            raise problem.error
        within = "" if given_up() else f" within {seconds:g} s"
        raise MediaError(f"{self._capture.name} gave no picture{within}: check that it plays.")

    def state(self) -> tuple[State, str]:
        """How the source is, and one line for the artist; empty while it plays."""
        with self._changed:
            problem, over = self._problem, self.over
            last = self._arrivals[-1] if self._arrivals else None
        if over or self._stopped.is_set():
            return "ended", ""
        if problem is not None:
            return problem.state, problem.note
        if last is not None and time.monotonic() - last <= SILENT_AFTER_S:
            return "playing", ""
        silence = self._capture.silence
        why = silence or "no pictures come"
        note = f"Holding the last picture: {self._capture.name}: {why}"
        return "paused" if silence else "holding", note

    def rate(self) -> float:
        """Pictures that come in a second, lately."""
        now = time.monotonic()
        with self._changed:
            recent = [moment for moment in self._arrivals if now - moment < _RECENT_S]
        return (len(recent) - 1) / max(recent[-1] - recent[0], 0.5) if len(recent) > 1 else 0.0

    def stop(self) -> None:
        """From any thread: nothing is wanted any more."""
        self._stopped.set()
        self._clock.close()
        self._capture.interrupt()
        with self._changed:
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Wait until the capture is closed; False where it does not let go in time."""
        self._thread.join(timeout)
        self._first = None  # a session that is over is remembered for a while, and pictures are large
        return not self._thread.is_alive()

    @property
    def _decided(self) -> bool:
        return self._first is not None or self.over or self._stopped.is_set()

    def _run(self) -> None:
        attempt = 0
        while not self._stopped.is_set():
            self._came = False
            try:
                self._capture.open()
                if self._play():
                    break
                self._lost(MediaError(f"{self._capture.name} has ended."))
            except LiveStyleError as error:
                self._lost(error)
            except Exception as error:  # a driver's or a decoder's; the source may come back
                log.exception("%s failed", self._capture.name)
                self._lost(MediaError(f"{self._capture.name} failed: {error}"))
            finally:
                self._capture.close()
            if self._first is None:
                break
            attempt = 0 if self._came else attempt + 1
            self._stopped.wait(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
        with self._changed:
            self.over = True
            self._changed.notify_all()
        self._clock.close()

    def _play(self) -> bool:
        """Pass pictures on; True when the source is over, False when it should be opened again."""
        for arrival in self._capture.pictures():
            if self._stopped.is_set():
                return True
            if arrival is None:
                continue
            with self._changed:
                self._came = True
                self._arrivals.append(time.monotonic())
                self.reconnects += self._problem is not None and self._first is not None
                self._problem = None
                if self._first is None:
                    self._first = arrival
                    self._changed.notify_all()
            self._seen(arrival)
            if not self._clock.put(arrival):
                return True
        return self._capture.finite

    def _lost(self, error: LiveStyleError) -> None:
        with self._changed:
            self._problem = _Problem("reconnecting", f"Holding the last picture: {error}", error)
            self._changed.notify_all()

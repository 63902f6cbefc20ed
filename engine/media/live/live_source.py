"""A source without end: captured on its own thread, sampled by a clock, held while it is silent."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from ...errors import LiveStyleError, MediaError
from ..resize import Layout, Resizer
from ..types import Frames, FrameSource, MediaInfo, Resize, SourceStatus
from .capture import Arrival, Capture
from .clock import ClockPolicy, FrameClock
from .stream_time import StreamTime

log = logging.getLogger("livestyle")

HOLD_AFTER_S = 0.5
"""Silence after which the last picture is repeated."""

BACK_OFF_S = (0.2, 0.4, 0.8, 1.0)
"""Waits before the attempts to connect again; the last one repeats."""

USUAL_RATE = Fraction(30)
_RATES = (Fraction(1), Fraction(240))
_TICK_S = 0.1
_JOIN_S = 6.0

State = Literal["connecting", "playing", "holding", "reconnecting", "paused", "ended"]


@dataclass(frozen=True)
class _Problem:
    """Why there are no pictures; before the first one, the error ends the session."""

    state: State
    note: str
    error: LiveStyleError | None = None


class LiveSource(FrameSource):
    """Frames of a capture.

    Args:
        capture: taken over; closed with the source.
        policy: which pictures are used.
        opening: seconds that the first picture may take.
        duration: seconds after which the source ends; 0 goes on until Stop.
    """

    def __init__(
        self, capture: Capture, policy: ClockPolicy, *, opening: float, duration: float = 0.0
    ) -> None:
        self._capture = capture
        self._clock: FrameClock[Arrival] = FrameClock(policy)
        self._opening = opening
        self._duration = duration
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._first: Arrival | None = None
        self._problem: _Problem | None = _Problem("connecting", f"Connecting to {capture.name}")
        self._over = False
        self._reconnects = 0
        self._held = 0
        self._came = False
        self._holding = False
        self._arrivals: deque[float] = deque(maxlen=64)
        self._resizer: Resizer | None = None
        self._given = 0
        self._last: np.ndarray | None = None
        self._time = StreamTime()
        self.audio = None
        self._thread = threading.Thread(target=self._run, name="livestyle-capture", daemon=True)
        self._thread.start()

    def connect(self, given_up: Callable[[], bool]) -> None:
        first = self._wait_for_first(given_up)
        width, height = Layout.of(first.picture).display_size
        rate = self._capture.rate
        if rate is None or not _RATES[0] <= rate <= _RATES[1]:
            rate = USUAL_RATE
        self.info = MediaInfo(width, height, rate.limit_denominator(1001), endless=True)

    def start(self, width: int, height: int, resize: Resize) -> None:
        self._resizer = Resizer(width, height, resize)

    def read(self, count: int) -> Frames | None:
        """The next frames; where none come, the last one again, at the source's rate."""
        if self._resizer is None and not self._stopped.is_set():
            self.start(self.info.width, self.info.height, "crop")
        patience = count / float(self.info.fps) + (0.0 if self._holding else HOLD_AFTER_S)
        arrivals = self._clock.take(count, patience)
        if self._stopped.is_set() or (self._over and not arrivals):
            return None
        self._holding = not arrivals
        return self._frames(arrivals, count)

    def status(self) -> SourceStatus:
        """How the source is, for the node."""
        now = time.monotonic()
        with self._changed:
            recent = [moment for moment in self._arrivals if now - moment < 2]
            problem, over = self._problem, self._over
        state: State = "playing"
        note = ""
        if over or self._stopped.is_set():
            state = "ended"
        elif problem is not None:
            state, note = problem.state, problem.note
        elif not recent or now - recent[-1] > HOLD_AFTER_S:
            state, silence = (
                ("paused", s) if (s := self._capture.silence) else ("holding", "no pictures come")
            )
            note = f"Holding the last picture: {self._capture.name}: {silence}"
        fps = (len(recent) - 1) / max(recent[-1] - recent[0], 0.5) if len(recent) > 1 else 0.0
        return SourceStatus(
            state=state,
            note=note,
            fps=round(fps, 2),
            dropped=self._clock.dropped,
            held=self._held,
            queue=len(self._clock),
            reconnects=self._reconnects,
            damaged=self._capture.damaged,
        )

    def stop(self) -> None:
        self._stopped.set()
        self._clock.close()
        self._capture.interrupt()
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        self.stop()
        self._thread.join(_JOIN_S)
        # A session that is over is remembered for a while; filters have threads and pictures are large.
        self._resizer = self._first = self._last = None
        self._clock.clear()
        if self._thread.is_alive():
            log.warning("%s does not let go yet; it is left to its thread", self._capture.name)

    def _wait_for_first(self, given_up: Callable[[], bool]) -> Arrival:
        def decided() -> bool:
            return self._first is not None or self._over or self._stopped.is_set()

        deadline = time.monotonic() + self._opening
        with self._changed:
            while not decided() and not given_up() and time.monotonic() < deadline:
                self._changed.wait(_TICK_S)
            first, problem = self._first, self._problem
        if first is not None:
            return first
        if problem is not None and problem.error is not None:
            raise problem.error
        within = "" if given_up() else f" within {self._opening:g} s"
        raise MediaError(f"{self._capture.name} gave no picture{within}: check that it plays.")

    def _run(self) -> None:
        """Capture until the end; connect again whenever the source is lost."""
        attempt = 0
        while not self._stopped.is_set():
            self._came = False
            try:
                self._capture.open()
                if self._capture_all():
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
            self._over = True
            self._changed.notify_all()
        self._clock.close()

    def _capture_all(self) -> bool:
        """Pass pictures on; True when the source is over, False when it should be opened again."""
        for arrival in self._capture.pictures():
            if self._stopped.is_set():
                return True
            if arrival is None:
                continue
            with self._changed:
                self._came = True
                self._arrivals.append(time.monotonic())
                self._reconnects += self._problem is not None and self._first is not None
                self._problem = None
                if self._first is None:
                    self._first = arrival
                    self._changed.notify_all()
            if not self._clock.put(arrival):
                return True
        return self._capture.finite

    def _lost(self, error: LiveStyleError) -> None:
        with self._changed:
            self._problem = _Problem("reconnecting", f"Holding the last picture: {error}", error)
            self._changed.notify_all()

    def _frames(self, arrivals: list[Arrival], count: int) -> Frames | None:
        """Convert what has come; fill up with the last picture."""
        assert self._resizer is not None
        pixels = np.empty((count, self._resizer.height, self._resizer.width, 3), np.uint8)
        pts: list[Fraction] = []
        born: list[float] = []
        for index in range(count):
            if index < len(arrivals):
                arrival = arrivals[index]
                self._resizer.convert(arrival.picture, pixels[index])
                moment, stamp = arrival.born, arrival.stamp
                self._last = pixels[index]
            elif self._over:
                break
            else:
                assert self._last is not None
                pixels[index] = self._last
                self._held += 1
                moment, stamp = time.monotonic(), None
            pts.append(self._time.at(stamp, moment))
            born.append(moment)
        if self._last is not None:
            self._last = self._last.copy()
        if self._duration and pts[0] >= self._duration:
            self._stopped.set()
            return None
        frames = Frames(pixels[: len(pts)], self._given, tuple(pts), tuple(born))
        self._given += len(pts)
        return frames

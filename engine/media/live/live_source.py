"""A source without end: captured on its own thread, sampled by a clock, held while it is silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ...log import log
from ..resize import Layout, Resizer
from ..status import SourceStatus
from ..types import AudioTrack, Frames, FrameSource, MediaInfo, Resize
from .capture import Capture, CapturedFrame
from .capture_loop import SILENT_AFTER_S, CaptureLoop
from .clock import ClockPolicy, FrameClock
from .live_sound import LiveSound, live_track
from .stream_time import StreamTime

USUAL_RATE = Fraction(30)
_RATES = (Fraction(1), Fraction(240))
_JOIN_S = 6.0


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
        self._clock: FrameClock[CapturedFrame] = FrameClock(policy)
        self._opening = opening
        self._duration = duration
        self._stopped = threading.Event()
        self._held = 0
        self._holding = False
        self._resizer: Resizer | None = None
        self._given = 0
        self._last: np.ndarray | None = None
        self._time = StreamTime()
        self.audio: AudioTrack | None = None
        self._sound = LiveSound(self._time)
        capture.heard = self._sound.put
        self.loop = CaptureLoop(
            capture, self._clock, lambda picture: self._time.seen(picture.stamp, picture.captured_at)
        )

    def connect(self, given_up: Callable[[], bool]) -> None:
        first = self.loop.wait_for_first(self._opening, given_up)
        width, height = Layout.of(first.picture).display_size
        rate = self._capture.rate
        if rate is None or not _RATES[0] <= rate <= _RATES[1]:
            rate = USUAL_RATE
        if self._capture.sounds:
            self.audio = live_track(self._sound)
        self.info = MediaInfo(
            width, height, rate.limit_denominator(1001), has_audio=self._capture.sounds, endless=True
        )

    def start(self, width: int, height: int, resize: Resize) -> None:
        self._resizer = Resizer(width, height, resize)

    def read(self, count: int) -> Frames | None:
        """The next frames; where none come, the last one again, at the source's rate."""
        if self._resizer is None and not self._stopped.is_set():
            self.start(self.info.width, self.info.height, "crop")
        patience = count / float(self.info.fps) + (0.0 if self._holding else SILENT_AFTER_S)
        arrivals = self._clock.take(count, patience)
        if self._stopped.is_set() or (self.loop.over and not arrivals):
            return None
        self._holding = not arrivals
        return self._frames(arrivals, count)

    def status(self) -> SourceStatus:
        """How the source is, for the node."""
        state, note = self.loop.state()
        return SourceStatus(
            state="ended" if self._stopped.is_set() else state,
            note="" if self._stopped.is_set() else note,
            fps=round(self.loop.rate(), 2),
            dropped=self._clock.dropped,
            held=self._held,
            queue=len(self._clock),
            reconnects=self.loop.reconnects,
            damaged=self._capture.damaged,
        )

    def stop(self) -> None:
        self._stopped.set()
        self.loop.stop()

    def close(self) -> None:
        self.stop()
        if not self.loop.join(_JOIN_S):
            log.warning("%s does not let go yet; it is left to its thread", self._capture.name)
        # A session that is over is remembered for a while; filters have threads and pictures are large.
        self._resizer = self._last = None
        self._clock.clear()

    def _frames(self, arrivals: list[CapturedFrame], count: int) -> Frames | None:
        """Convert what has come; fill up with the last picture."""
        assert self._resizer is not None
        pixels = np.empty((count, self._resizer.height, self._resizer.width, 3), np.uint8)
        pts: list[Fraction] = []
        captured_at: list[float] = []
        for index in range(count):
            if index < len(arrivals):
                arrival = arrivals[index]
                self._resizer.convert(arrival.picture, pixels[index])
                moment, stamp = arrival.captured_at, arrival.stamp
                self._last = pixels[index]
            elif self.loop.over:
                break
            else:
                assert self._last is not None
                pixels[index] = self._last
                self._held += 1
                moment, stamp = time.monotonic(), None
            pts.append(self._time.at(stamp, moment))
            captured_at.append(moment)
        if not pts:  # the capture ended while we waited for it
            return None
        if self._last is not None:
            self._last = self._last.copy()
        if self._duration and pts[0] >= self._duration:
            self._stopped.set()
            return None
        frames = Frames(pixels[: len(pts)], self._given, tuple(pts), tuple(captured_at))
        self._given += len(pts)
        return frames

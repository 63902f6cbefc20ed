"""A microphone of this machine beside a camera or screen that has no sound of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction

import av

from ...errors import MediaError
from ...log import log
from .steady_arrival import SteadyArrival

_JOIN_S = 2.0


class Microphone:
    """Listens on a thread of its own until it is closed, or lost.

    Args:
        name: for errors.
        form: FFmpeg's name of its device format.
        address: what that opens.
        heard: see ``Capture``; the sound's time is ``time.monotonic()``.

    Raises:
        MediaError: it can't be opened.
    """

    def __init__(
        self, name: str, form: str, address: str, heard: Callable[[av.AudioFrame, float], None]
    ) -> None:
        self._name = name
        self._heard = heard
        self._closed = threading.Event()
        try:
            self._container = av.open(address, format=form)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise MediaError(f"{name} can't be opened ({reason}): choose another in device.") from error
        self._thread = threading.Thread(target=self._run, name="livestyle-microphone", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go; harmless when repeated."""
        self._closed.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        arrival = SteadyArrival()
        try:
            for frame in self._container.decode(audio=0):
                if self._closed.is_set():
                    break
                begun = time.monotonic() - frame.samples / frame.sample_rate
                taken = begun if frame.time is None else arrival.of(frame.time, begun)
                frame.pts, frame.time_base = round(taken * 1_000_000), Fraction(1, 1_000_000)
                self._heard(frame, taken)
        except (av.error.FFmpegError, OSError) as error:
            log.warning("%s is lost: %s", self._name, error)
        finally:
            self._container.close()

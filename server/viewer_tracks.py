"""What a viewer sees and hears over WebRTC; imported only where ``extra("aiortc")`` has found the package."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from aiortc import MediaStreamTrack
from av import AudioFrame, VideoFrame

from ..engine.media.live.pushed import decode_picture
from ..engine.media.live.track_sound import RATE, TrackSound
from ..engine.media.types import AudioTrack
from .preview_feed import SessionOf, pictures
from .shown_clock import ShownClock

_TICKS = 90_000

PART = 960
"""Samples of a frame: 20 ms."""

IN_STEP_S = 0.03
"""Sound further from its picture than this is moved to it, by silence or a cut."""

LATEST_S = 0.5
"""Sound that comes later than its picture is played as late as it comes, up to this."""


class PictureTrack(MediaStreamTrack):
    """A node's picture, as it is shown.

    Args:
        session_of: see ``pictures``.
        zero: ``time.monotonic()`` of timestamp 0.
    """

    kind = "video"

    def __init__(self, session_of: SessionOf, zero: float) -> None:
        super().__init__()
        self._pictures = pictures(session_of)
        self._zero = zero
        self._clock = ShownClock()
        self._audio: AudioTrack | None = None

    async def recv(self) -> VideoFrame:
        """The next picture; called by aiortc."""
        shown = await anext(self._pictures)
        frame = await asyncio.to_thread(_decoded, shown.jpeg)
        now = time.monotonic()
        if shown.session is not None:
            audio = shown.session.preview.audio
            if audio is not self._audio:
                self._clock.forget()
                self._audio = audio
            self._clock.show(shown.pts, now)
        frame.pts, frame.time_base = round((now - self._zero) * _TICKS), Fraction(1, _TICKS)
        return frame

    def place(self, now: float) -> tuple[AudioTrack, float] | None:
        """The sound of what is shown, and the stream's time at a moment; None where there is none."""
        audio, position = self._audio, self._clock.position(now)
        return None if audio is None or position is None else (audio, position)

    async def let_go(self) -> None:
        """No picture is wanted any more."""
        await self._pictures.aclose()


class SoundTrack(MediaStreamTrack):
    """Plays a sound where a picture is; silent where the picture stands, or runs at another speed.

    Args:
        where: gives the track of what is shown and the stream's time at a ``time.monotonic()``, or None.
        zero: ``time.monotonic()`` of timestamp 0.
    """

    kind = "audio"

    def __init__(self, where: Callable[[float], tuple[AudioTrack, float] | None], zero: float) -> None:
        super().__init__()
        self._where = where
        self._zero = zero
        self._parts = round((time.monotonic() - zero) * RATE) // PART
        self._playing = threading.Lock()
        self._player: _Player | None = None
        self._over = False

    async def recv(self) -> AudioFrame:
        """The next 20 ms; called by aiortc."""
        self._parts += 1
        due = self._zero + self._parts * PART / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        samples = await asyncio.to_thread(self._samples, due)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "stereo")
        frame.pts, frame.time_base, frame.sample_rate = self._parts * PART, Fraction(1, RATE), RATE
        return frame

    def let_go(self) -> None:
        """No sound is wanted any more."""
        with self._playing:
            self._over = True
            if self._player is not None:
                self._player.close()

    def _samples(self, now: float) -> np.ndarray:
        with self._playing:
            place = None if self._over else self._where(now)
            if self._player is not None and (place is None or place[0] is not self._player.track):
                self._player.close()
                self._player = None
            if place is None:
                return np.zeros((PART, 2), np.int16)
            self._player = self._player or _Player(*place)
            return self._player.next(place[1])


class _Player:
    """One way through a track, in steps of ``PART``."""

    def __init__(self, track: AudioTrack, start: float) -> None:
        self.track = track
        self._at = Fraction(max(0, round(start * RATE)), RATE)
        self._sound = TrackSound(track, self._at, "s16")
        self._ready = np.empty((0, 2), np.int16)
        self._late = 0.0

    def next(self, wanted: float) -> np.ndarray:
        """int16 (PART, 2) that is heard at ``wanted`` seconds of the stream, or a little before it."""
        behind = wanted - self._late - float(self._at)
        if behind < -IN_STEP_S:
            return np.zeros((PART, 2), np.int16)
        skipped = round(behind * RATE) if behind > IN_STEP_S else 0
        end = self._at + Fraction(skipped + PART, RATE)
        come = [frame.to_ndarray().reshape(-1, 2) for frame in self._sound.until(end)]
        self._ready = np.concatenate([self._ready, *come])
        if len(self._ready) < skipped + PART and self._late < LATEST_S:
            self._late += PART / RATE
            return np.zeros((PART, 2), np.int16)
        part = self._ready[skipped : skipped + PART]
        self._ready = self._ready[skipped + PART :]
        self._at = end
        return np.pad(part, ((0, PART - len(part)), (0, 0)))

    def close(self) -> None:
        """Release the track."""
        self._sound.close()


def _decoded(jpeg: bytes) -> VideoFrame:
    pixels = decode_picture(jpeg)
    height, width = (side - side % 2 for side in pixels.shape[:2])
    return VideoFrame.from_ndarray(pixels[:height, :width], format="rgb24").reformat(format="yuv420p")

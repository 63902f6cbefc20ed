"""The sound of a live source, kept until the pictures that it belongs to are written."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

import av
import numpy as np

from ...errors import MediaError
from ..audio_convert import SoundConverter
from ..tracks import MediaFile
from ..types import AudioTrack
from .stream_time import StreamTime

KEPT_S = 30
"""Sound that waits for its pictures; a model that takes longer loses the oldest."""

SILENT_RATE = 48_000


@dataclass(frozen=True)
class _Piece:
    """Decoded sound, with its moment on the source's clock and on ours."""

    samples: np.ndarray
    form: str
    layout: str
    rate: int
    stamp: Fraction | None
    moment: float

    def frame(self, time: Fraction) -> av.AudioFrame:
        """A frame of one's own: a converter changes it."""
        frame = av.AudioFrame.from_ndarray(self.samples, self.form, self.layout)
        frame.sample_rate, frame.time_base = self.rate, Fraction(1, self.rate)
        frame.pts = round(time * self.rate)
        return frame


class LiveSound:
    """What a source has sounded like lately; a capture puts, each target reads on its own.

    Args:
        time: of the source's pictures, which the sound follows.
    """

    def __init__(self, time: StreamTime) -> None:
        self._time = time
        self._lock = threading.Lock()
        self._pieces: deque[_Piece] = deque()
        self._gone = 0

    def put(self, frame: av.AudioFrame, moment: float) -> None:
        """Sound that has come at ``time.monotonic()``."""
        stamp = None if frame.pts is None else frame.pts * frame.time_base
        piece = _Piece(
            frame.to_ndarray(), frame.format.name, frame.layout.name, frame.sample_rate, stamp, moment
        )
        with self._lock:
            self._pieces.append(piece)
            while self._pieces[0].moment < moment - KEPT_S:
                self._pieces.popleft()
                self._gone += 1

    def after(self, index: int) -> tuple[list[tuple[_Piece, Fraction]], int]:
        """Pieces from a number on, each with its time in the stream, and the number of the next one.

        Nothing before the first picture, with which the stream's time begins.
        """
        with self._lock:
            begin = max(0, index - self._gone)
            pieces = list(self._pieces)[begin:] if self._time.begun else []
            first = self._gone + begin
        return [(each, self._time.of_sound(each.stamp, each.moment)) for each in pieces], first + len(pieces)


@dataclass(frozen=True)
class LiveTrack(AudioTrack):
    """Sound that goes on with the pictures; ``start`` is a time of the stream."""

    sound: LiveSound | None = field(default=None, compare=False, repr=False)


def live_track(sound: LiveSound) -> LiveTrack:
    """The track of a live source."""
    return LiveTrack(_no_file, sound=sound)


class LiveReader:
    """One target's way through a live sound.

    Args:
        track: its ``start`` becomes time 0; what lies before is cut.
        rate, form, layout: of the samples that come out, as FFmpeg calls them.
    """

    def __init__(self, track: LiveTrack, rate: int, form: str, layout: str) -> None:
        assert track.sound is not None
        self._sound = track.sound
        self._converter = SoundConverter(rate, form, layout, Fraction(track.start))
        self._next = 0
        self._waiting: deque[tuple[_Piece, Fraction]] = deque()
        self._start = Fraction(track.start)
        self._end = Fraction(0)

    def until(self, end: Fraction | None, patience: Fraction | None = None) -> Iterator[av.AudioFrame]:
        """What has come and begins before ``end`` seconds (None: all).

        A gap is silence once it is over; or once it is ``patience`` seconds old, where there must be sound.
        """
        pieces, self._next = self._sound.after(self._next)
        self._waiting.extend(pieces)
        while self._waiting and (end is None or self._waiting[0][1] - self._start < end):
            piece, time = self._waiting.popleft()
            frame = piece.frame(time)
            after = time - self._start + Fraction(frame.samples, frame.sample_rate)
            if after > 0:
                yield from self._converter.push(frame)
                self._end = max(self._end, after)
        if end is not None and patience is not None and end - self._end > patience:
            late = end - patience
            gap = silence(ceil((late - self._end) * SILENT_RATE), "s16", SILENT_RATE)
            gap.pts, gap.time_base = floor((self._start + self._end) * SILENT_RATE), Fraction(1, SILENT_RATE)
            yield from self._converter.push(gap)
            self._end = late


def silence(samples: int, form: str, rate: int) -> av.AudioFrame:
    """So much of it, stereo."""
    frame = av.AudioFrame(form, "stereo", samples)
    frame.sample_rate = rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


def _no_file() -> MediaFile:
    raise MediaError("A live sound is no file.")

"""A track's sound for a live target: up to the picture that is sent, and silence where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import av

from ...errors import LiveStyleError
from ...log import log
from ..sound_reader import SoundReader
from ..types import AudioTrack
from ..volume import Loudness
from .live_sound import LiveReader, LiveTrack, silence

RATE = 48_000

PATIENCE_S = Fraction(1, 2)
"""Sound of a live source that is later than its picture by more than this is given up."""


class TrackSound:
    """One target's way through a sound, which never ends and has no gap; stereo, at ``RATE``.

    Args:
        track: of a file or a live source; where it can't be opened, there is silence.
        start: seconds of the stream at which to begin.
        form: FFmpeg's name of a sample format.
    """

    def __init__(self, track: AudioTrack, start: Fraction, form: str) -> None:
        self._start, self._form, self._given = start, form, 0
        self._live: LiveReader | None = None
        self._file: SoundReader | None = None
        self._frames: Iterator[av.AudioFrame] = iter(())
        frames: Iterator[av.AudioFrame] = iter(())
        self._end = round((Fraction(track.duration) - start) * RATE) if track.duration else None
        self._loudness = Loudness(track.volume)
        track = replace(track, start=Fraction(track.start) + start)
        if isinstance(track, LiveTrack):
            self._live = LiveReader(track, RATE, form, "stereo")
            return
        try:
            self._file = SoundReader(track)
            frames = self._file.frames(RATE, form, "stereo")
        except (LiveStyleError, LookupError) as error:
            log.warning("The target has no sound: %s", error)
        self._frames = self._endless(frames)

    def until(self, end: Fraction) -> Iterator[av.AudioFrame]:
        """What was not given yet and is heard before ``end``, seconds of the stream, as frames' times are."""
        if self._live is not None:
            come = self._live.until(end - self._start, PATIENCE_S)
            self._loudness.add(map(self._next, come))
        yield from self._loudness.until(self._frames, end)

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()
        self._file, self._live, self._frames = None, None, iter(())

    def _endless(self, frames: Iterator[av.AudioFrame]) -> Iterator[av.AudioFrame]:
        """The file's sound, and silence from its end on."""
        for frame in frames:
            if self._end is not None and self._given >= self._end:
                break
            yield self._next(frame)
        while True:
            yield self._next(silence(RATE // 50, self._form, RATE))

    def _next(self, frame: av.AudioFrame) -> av.AudioFrame:
        frame.pts, frame.time_base = round(self._start * RATE) + self._given, Fraction(1, RATE)
        self._given += frame.samples
        return frame

"""A clip's own sound, listened to as far as its pictures were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import av
import numpy as np

from ..errors import LiveStyleError
from ..log import log
from ..media.live.live_sound import LiveReader, LiveTrack
from ..media.sound_reader import SoundReader
from ..media.types import AudioTrack
from .sound import HOP, RATE, SILENCE, Levels, SoundLevels


class Track:
    """One reader; of a live source's sound it hears what has come.

    Args:
        track: of the source; where it can't be opened, nothing is heard.
        start: seconds of the stream at which listening begins.
    """

    def __init__(self, track: AudioTrack, start: float) -> None:
        self._levels, self._start, self._hops = SoundLevels(), start, 0
        self._reader: SoundReader | None = None
        self._live: LiveReader | None = None
        self._frames: Iterator[av.AudioFrame] = iter(())
        if isinstance(track, LiveTrack):
            self._live = LiveReader(replace(track, start=track.start + start), RATE, "flt", "mono")
            return
        try:
            self._reader = SoundReader(AudioTrack(track.open, track.start + start))
            self._frames = self._reader.frames(RATE, "flt", "mono")
        except (LiveStyleError, LookupError) as error:
            log.warning("The sound moves nothing: %s", error)

    @property
    def _time(self) -> float:
        return self._start + self._hops * HOP / RATE

    def until(self, end: float) -> Iterator[tuple[float, Levels]]:
        """What is heard up to a time, with the times; behind the sound's end there is silence."""
        for frame in self._live.until(None) if self._live is not None else ():
            yield from self._heard(frame.to_ndarray()[0])
        while self._reader is not None and self._time < end:
            frame = next(self._frames, None)
            if frame is None:
                self.close()
                yield self._time, SILENCE
            else:
                yield from self._heard(frame.to_ndarray()[0])

    def _heard(self, samples: np.ndarray) -> Iterator[tuple[float, Levels]]:
        for row in self._levels.push(samples):
            self._hops += 1
            yield self._time, row

    def close(self) -> None:
        """Release the file."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._frames, self._live = None, iter(()), None

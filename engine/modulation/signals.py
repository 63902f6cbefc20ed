"""The signals of one session: waves by the stream's time, and what is heard and seen in its source."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..errors import SettingError
from ..media.types import AudioTrack, Frames
from .history import History
from .modulator import PICTURE_SIGNALS, SOUND_SIGNALS, Modulator, wave
from .picture import PictureLevels
from .sound import SILENCE, SoundLevels
from .track import Track

RUN_IN_S = 2.0
"""Sound from so long before a modulator begins tells what is usual in it."""

CUTS = 1000
"""Latest scene cuts that are remembered."""

WAVE_POINTS = 32
"""At which a smoothed wave is averaged."""


class Signals:
    """Any thread may ask; one thread reads the source and says what it has read.

    Nothing is listened to or looked at before a modulator needs it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._audio: AudioTrack | None = None
        self._begins = 0.0
        self._seen = False
        self._track: Track | None = None
        self._levels: PictureLevels | None = None
        self._wanted: set[str] = set()
        self._sound = History(SOUND_SIGNALS)
        self._picture = History(PICTURE_SIGNALS)
        self._cuts: deque[Fraction] = deque(maxlen=CUTS)
        self._microphone = History(SOUND_SIGNALS)
        self._microphone_levels = SoundLevels()

    def attach(self, audio: AudioTrack | None, seen: bool) -> None:
        """Before the stream begins: which sound its source has, and whether there are pictures."""
        self._audio, self._seen = audio, seen

    def follow(self, audio: AudioTrack | None, moment: Fraction) -> None:
        """Another source gives the pictures from this second of the stream on; on the reading thread."""
        self.close()
        self._track, self._begins = None, float(moment)
        self._audio = audio and replace(audio, start=audio.start - self._begins)
        with self._lock:
            self._sound.add(self._begins, SILENCE)

    def want(self, modulator: Modulator) -> None:
        """Have the modulator's signal from now on.

        Raises:
            SettingError: the source has no such signal.
        """
        if modulator.signal in SOUND_SIGNALS and modulator.ear == "source":
            if self._audio is None:
                raise SettingError("The source has no sound: choose a wave, the picture or the microphone.")
            self._wanted.add("sound")
        elif modulator.signal in PICTURE_SIGNALS:
            if not self._seen:
                raise SettingError("The stream has no source picture: choose a wave or a sound.")
            self._wanted.add("picture")

    def look_for_cuts(self) -> None:
        """Have the scene cuts of the source from now on; a stream without one has none."""
        self._wanted.add("picture")

    def cut_after(self, pts: Fraction) -> Fraction | None:
        """The time of the first scene cut behind a time, where it has been seen."""
        with self._lock:
            return next((cut for cut in self._cuts if cut > pts), None)

    def read(self, frames: Frames) -> None:
        """The source's next frames have been read; on the reading thread."""
        if "picture" in self._wanted:
            self._levels = self._levels or PictureLevels()
            for pixels, pts in zip(frames.pixels, frames.pts, strict=True):
                row = self._levels.look(pixels, float(pts))
                with self._lock:
                    self._picture.add(float(pts), row)
                    if row[PICTURE_SIGNALS.index("cut")] == 1:
                        self._cuts.append(pts)
        if "sound" in self._wanted and self._audio is not None:
            begin = max(self._begins, float(frames.pts[0]) - RUN_IN_S)
            self._track = self._track or Track(self._audio, begin)
            for moment, row in self._track.until(float(frames.pts[-1])):
                with self._lock:
                    self._sound.add(moment, row)

    def hear(self, samples: np.ndarray) -> None:
        """What a page's microphone has heard: float32 (n,) at ``sound.RATE``, -1 to 1; on one thread."""
        for row in self._microphone_levels.push(samples):
            with self._lock:
                self._microphone.add(time.monotonic(), row)

    def close(self) -> None:
        """The source is read no more; on the reading thread."""
        if self._track is not None:
            self._track.close()

    def value(self, modulator: Modulator, pts: float, phase: float, seed: int) -> float:
        """A modulator's signal, smoothed.

        Args:
            pts: seconds since the stream's start.
            phase: of a wave at that moment, in cycles.
            seed: of a random wave.
        """
        span, name = modulator.smoothing, modulator.signal
        if name in SOUND_SIGNALS or name in PICTURE_SIGNALS:
            with self._lock:
                if name in PICTURE_SIGNALS:
                    return self._picture.mean(name, pts, span)
                if modulator.ear == "source":
                    return self._sound.mean(name, pts, span)
                return self._microphone.mean(name, time.monotonic(), span)
        if not span:
            return wave(name, phase, seed)
        step = span * modulator.cycles_a_second / WAVE_POINTS
        return sum(wave(name, phase - step * back, seed) for back in range(WAVE_POINTS)) / WAVE_POINTS

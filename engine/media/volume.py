"""How loud a stream's sound is over its time, and sound that is made so on its way to an encoder."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np

RAMP_S = 0.01
"""Seconds in which one volume becomes another, so that nothing clicks."""

LOUDEST = 2.0
"""Largest factor that an artist can set."""


class Volume:
    """Factors over the stream's time: whoever hands pictures to a target says them, before the pictures.

    Args:
        first: the factor at the beginning; 0 is silent, 1 as it is.
    """

    def __init__(self, first: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._times, self._factors = [0.0], [float(first)]

    def put(self, moment: Fraction, factor: float) -> None:
        """From this second of the stream on; not before those that were put."""
        with self._lock:
            if factor == self._factors[-1]:
                return
            time = float(moment)
            if time <= 0:
                self._times, self._factors = [0.0], [float(factor)]
                return
            before = float(np.interp(time, self._times[-2:], self._factors[-2:]))
            while self._times[-1] >= time:
                del self._times[-1], self._factors[-1]
            self._times += [time, time + RAMP_S]
            self._factors += [before, float(factor)]

    def changes(self, start: Fraction) -> bool:
        """Whether it was ever another factor than 1 from a second of the stream on."""
        with self._lock:
            first = max(0, bisect_right(self._times, float(start)) - 1)
            return any(factor != 1 for factor in self._factors[first:])

    def factors(self, start: Fraction, sample: int, count: int, rate: int) -> np.ndarray:
        """float64, of so many samples; one where all are equal.

        Args:
            start: second of the stream that is the sound's 0.
            sample: number of the first sample, counted from there.
            count, rate: how many, and samples a second.
        """
        begin = float(start) + sample / rate
        with self._lock:
            low = max(0, bisect_right(self._times, begin) - 1)
            high = bisect_right(self._times, begin + count / rate) + 1
            times, factors = self._times[low:high], self._factors[low:high]
        if len(set(factors)) == 1:
            return np.array(factors[:1])
        # By each sample's number: however the sound is cut into frames, the factors are the same to the bit.
        return np.interp(float(start) + np.arange(sample, sample + count) / rate, times, factors)


class Loudness:
    """Sound as loud as a volume says, cut where the pictures stand: beyond it nobody knows the volume yet.

    Args:
        volume: None leaves the sound as it is.
        start: second of the stream that is 0 of the sound's time.
    """

    def __init__(self, volume: Volume | None, start: Fraction = Fraction(0)) -> None:
        self._volume, self._start = volume, start
        self._held: deque[av.AudioFrame] = deque()

    @property
    def holds(self) -> bool:
        """Whether there is sound that waits for its pictures."""
        return bool(self._held)

    def add(self, frames: Iterable[av.AudioFrame]) -> None:
        """Sound that ``until`` gives; frames follow each other without gaps."""
        self._held.extend(frames)

    def until(self, frames: Iterator[av.AudioFrame], end: Fraction | None) -> Iterator[av.AudioFrame]:
        """What was added, then ``frames``, up to ``end`` seconds (None: all); takes no more than it needs."""
        while (frame := self._held.popleft() if self._held else next(frames, None)) is not None:
            begin = frame.pts * frame.time_base
            left = frame.samples if end is None else round((end - begin) * frame.sample_rate)
            if left < frame.samples:
                self._held.appendleft(_part(frame, max(0, left), frame.samples))
                if left <= 0:
                    return
                frame = _part(frame, 0, left)
            yield self._scaled(frame, begin)

    def _scaled(self, frame: av.AudioFrame, begin: Fraction) -> av.AudioFrame:
        if self._volume is None:
            return frame
        rate = frame.sample_rate
        factors = self._volume.factors(self._start, round(begin * rate), frame.samples, rate)
        if factors.tolist() == [1.0]:
            return frame
        samples = frame.to_ndarray()
        if len(factors) > 1 and not frame.format.is_planar:
            factors = factors.repeat(frame.layout.nb_channels)
        scaled = samples * factors
        if samples.dtype == np.int16:
            scaled = scaled.round().clip(-32768, 32767)
        return _like(frame, scaled.astype(samples.dtype), 0)


def _part(frame: av.AudioFrame, begin: int, end: int) -> av.AudioFrame:
    """Some of its samples."""
    each = 1 if frame.format.is_planar else frame.layout.nb_channels
    return _like(frame, frame.to_ndarray()[:, begin * each : end * each], begin)


def _like(frame: av.AudioFrame, samples: np.ndarray, skipped: int) -> av.AudioFrame:
    form, layout = frame.format.name, frame.layout.name
    made = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), form, layout)
    made.sample_rate, made.time_base = frame.sample_rate, Fraction(1, frame.sample_rate)
    made.pts = round(frame.pts * frame.time_base * frame.sample_rate) + skipped
    return made

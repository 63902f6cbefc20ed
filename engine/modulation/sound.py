"""What is heard in a sound, a hundred times a second: loudness, three bands and onsets, each 0 to 1."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

import numpy as np

RATE = 24_000
"""Samples a second that are listened to; mono."""

HOP = 240
WINDOW = 1024

Levels = tuple[float, float, float, float, float]
"""Level, low, mid, high and onset."""

SILENCE: Levels = (0.0, 0.0, 0.0, 0.0, 0.0)

# Hz from and to, and the decibels (0: full scale) that are 0 and 1. Music has less energy the higher it is.
_LEVEL = (-54.0, -8.0)
_BANDS = ((20, 250, -54.0, -12.0), (250, 2500, -60.0, -18.0), (2500, 12_000, -66.0, -26.0))

# An onset is a rise of the spectrum (Bello et al. 2005, section III-B) above its mean of the last second.
_RISE, _LEAST = 1.8, 0.03
_MEMORY = 100
_PAUSE = 8
_FALL = 1 / 25


class SoundLevels:
    """Listens to a sound that arrives in parts.

    A row belongs to the end of its window: nothing is known before it is heard.
    """

    def __init__(self) -> None:
        self._window = np.hanning(WINDOW).astype(np.float32)
        scale = 2 / (WINDOW * float((self._window**2).sum()))
        frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE)
        self._bands = [
            (slice(*np.searchsorted(frequencies, (low, high))), quiet, loud, scale)
            for low, high, quiet, loud in _BANDS
        ]
        self._samples = np.zeros(WINDOW - HOP, np.float32)
        self._before: np.ndarray | None = None
        self._rises: deque[float] = deque(maxlen=_MEMORY)
        self._since = _PAUSE
        self._pulse = 0.0

    def push(self, samples: np.ndarray) -> Iterator[Levels]:
        """What is heard in every ``HOP`` samples.

        Args:
            samples: float32 (n,), -1 to 1, at ``RATE``, following those of the last call.
        """
        self._samples = np.concatenate([self._samples, np.nan_to_num(samples)])
        while len(self._samples) >= WINDOW:
            # One at a time: what is heard must not depend on the parts in which it came.
            yield self._row(self._samples[:WINDOW])
            self._samples = self._samples[HOP:]

    def _row(self, samples: np.ndarray) -> Levels:
        spectrum = np.abs(np.fft.rfft(samples * self._window))
        power = spectrum**2
        low, mid, high = (
            _unit(float(power[bins].sum()) * scale, quiet, loud) for bins, quiet, loud, scale in self._bands
        )
        level = _unit(float(np.mean(np.square(samples, dtype=np.float64))), *_LEVEL)
        return level, low, mid, high, self._onset(spectrum)

    def _onset(self, spectrum: np.ndarray) -> float:
        """1 where something begins, falling to 0 in a quarter of a second."""
        now = np.log1p(spectrum)
        rise = 0.0 if self._before is None else float(np.maximum(now - self._before, 0).mean())
        usual = sum(self._rises) / len(self._rises) if self._rises else 0.0
        self._before = now
        self._rises.append(rise)
        self._since += 1
        self._pulse = max(0.0, self._pulse - _FALL)
        if rise > _RISE * usual + _LEAST and self._since > _PAUSE:
            self._pulse, self._since = 1.0, 0
        return self._pulse


def _unit(mean_square: float, quiet: float, loud: float) -> float:
    """Decibels of a mean square on a scale from 0 to 1."""
    decibels = 10 * math.log10(mean_square + 1e-12)
    return min(1.0, max(0.0, (decibels - quiet) / (loud - quiet)))

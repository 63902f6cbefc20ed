"""What moves a live number, as a value that travels with a prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..errors import SettingError

Wave = Literal["sine", "triangle", "square", "random"]
SoundSignal = Literal["level", "low", "mid", "high", "onset"]
PictureSignal = Literal["motion", "brightness", "cut"]
Ear = Literal["source", "microphone"]
Unit = Literal["hz", "beats"]

WAVES: tuple[str, ...] = get_args(Wave)
SOUND_SIGNALS: tuple[str, ...] = get_args(SoundSignal)
PICTURE_SIGNALS: tuple[str, ...] = get_args(PictureSignal)
SIGNALS = (*WAVES, *SOUND_SIGNALS, *PICTURE_SIGNALS)

LONGEST_SMOOTHING_S = 5.0

_BOUNDS = {
    "offset": (-(2.0**53), 2.0**53),
    "depth": (-(2.0**53), 2.0**53),
    "rate": (0.001, 1000.0),
    "tempo": (20.0, 400.0),
    "smoothing": (0.0, LONGEST_SMOOTHING_S),
}


@dataclass(frozen=True)
class Modulator:
    """``offset + depth * signal``, within the bounds of the number that it moves.

    Attributes:
        signal: a wave, -1 to 1; a feature of the sound or of the source's picture, 0 to 1.
        offset, depth: in the number's own unit; a negative depth turns the signal round.
        rate: of a wave: cycles a second (``hz``), or beats that one cycle takes (``beats``).
        unit: of ``rate``.
        tempo: beats a minute.
        smoothing: seconds of the stream over which the signal is averaged.
        ear: which sound: the one that comes with the pictures, or a page's microphone.
    """

    signal: Wave | SoundSignal | PictureSignal
    offset: float
    depth: float
    rate: float = 1.0
    unit: Unit = "hz"
    tempo: float = 120.0
    smoothing: float = 0.0
    ear: Ear = "source"

    @property
    def cycles_a_second(self) -> float:
        """Of a wave."""
        return self.rate if self.unit == "hz" else self.tempo / 60 / self.rate

    @staticmethod
    def parse(data: Any) -> Modulator:
        """A modulator in a JSON value from outside; fields that this version doesn't know are left out.

        Raises:
            SettingError: what is wrong, in one line.
        """
        if not isinstance(data, dict):
            raise SettingError("A modulator must be a JSON object.")
        given = {"rate": 1.0, "unit": "hz", "tempo": 120.0, "smoothing": 0.0, "ear": "source", **data}
        for name, choices in (("signal", SIGNALS), ("unit", get_args(Unit)), ("ear", get_args(Ear))):
            if given.get(name) not in choices:
                raise SettingError(f"A modulator's {name} must be one of {', '.join(choices)}.")
        numbers = {name: _number(given.get(name), name, *bounds) for name, bounds in _BOUNDS.items()}
        return Modulator(signal=given["signal"], unit=given["unit"], ear=given["ear"], **numbers)


def _number(value: Any, name: str, low: float, high: float) -> float:
    # NaN is within no bounds.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SettingError(f"A modulator's {name} must be a number from {low:g} to {high:g}.")
    return float(value)


def wave(name: str, phase: float, seed: int) -> float:
    """A wave at a phase in cycles, -1 to 1; ``random`` holds a value for each cycle.

    Args:
        seed: of ``random``: the same for the same stream of values.
    """
    cycle = math.floor(phase)
    part = phase - cycle
    match name:
        case "sine":
            return math.sin(2 * math.pi * part)
        case "triangle":
            return 4 * abs((part + 0.75) % 1 - 0.5) - 1
        case "square":
            return 1.0 if part < 0.5 else -1.0
    return _hashed(cycle * 0x9E3779B97F4A7C15 + seed) / 2**63 - 1


def _hashed(number: int) -> int:
    """splitmix64: 64 bits that look random, the same on every machine."""
    mixed = number & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return mixed ^ (mixed >> 31)

"""A live number that a modulator moves, as a function of stream time: a file renders the same each time."""

from __future__ import annotations

import zlib
from fractions import Fraction

from ..errors import SettingError
from ..families.base import LiveParameter
from ..modulation.modulator import Modulator
from ..modulation.signals import Signals

BOUNDLESS = 2.0**53


class Drive:
    """One modulator at work.

    Args:
        modulator: what moves the number.
        spec: of the number.
        signals: of the session.
        before: what moved it until now; a wave goes on from where that one is.

    Attributes:
        now: the value of the latest pts that was read.

    Raises:
        SettingError: the number can't be moved so.
    """

    def __init__(
        self, modulator: Modulator, spec: LiveParameter, signals: Signals, before: Drive | None = None
    ) -> None:
        name = spec.key.rsplit(".", 1)[-1]
        if spec.kind == "text" or spec.check is not None:
            raise SettingError(f"{name} can't be modulated: choose a number such as strength.")
        self._low = -BOUNDLESS if spec.minimum is None else spec.minimum
        self._high = BOUNDLESS if spec.maximum is None else spec.maximum
        if not self._low <= modulator.offset <= self._high:
            raise SettingError(f"offset must be from {self._low:g} to {self._high:g}, as {name} is.")
        signals.want(modulator)
        self.modulator = modulator
        self._whole = spec.kind == "int"
        self._seed = zlib.crc32(spec.key.encode())
        self._signals = signals
        # Of one that was never read, the one before it: many may follow each other between two chunks.
        self._before = before._before or before if before else None
        # The phase at a moment: at the stream's start it is 0.
        self._anchor: tuple[float, float] | None = (0.0, 0.0) if before is None else None
        self._latest: Fraction | None = None
        self.now = self._number(modulator.offset)

    def at(self, pts: Fraction) -> float | int:
        """The value of a chunk whose first frame has this pts; an earlier chunk may still be denoised."""
        moment, modulator = float(pts), self.modulator
        phase = self._phase(moment)
        signal = self._signals.value(modulator, moment, phase, self._seed)
        value = self._number(modulator.offset + modulator.depth * signal)
        if self._latest is None or pts >= self._latest:
            self._latest, self.now = pts, value
        return value

    def _phase(self, moment: float) -> float:
        """Of a wave, in cycles."""
        if self._anchor is None:
            assert self._before is not None
            self._anchor, self._before = (moment, self._before._phase(moment)), None
        since, phase = self._anchor
        return phase + (moment - since) * self.modulator.cycles_a_second

    def _number(self, value: float) -> float | int:
        within = min(self._high, max(self._low, value))
        return round(within) if self._whole else float(within)

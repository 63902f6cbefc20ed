"""The best that a card could do with what was counted: no kernel is faster than its FLOP or its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .ledger import Launch


@dataclass(frozen=True)
class Card:
    """A GPU.

    Attributes:
        flops: a second, dense bf16 with 32-bit sums, as large products reach it.
        bytes: a second, to and from its memory.
        full: FLOP a second in float32, which torch leaves to the ordinary cores.
    """

    flops: float
    bytes: float
    full: float

    def seconds(self, launches: Iterable[Launch], *, fused: bool) -> float:
        """Of kernels one after the other.

        Args:
            fused: only products, convolutions and attention take time, as if all else were fused into them.
        """
        return sum(
            max(launch.flops / (self.flops if launch.half else self.full), launch.bytes / self.bytes)
            for launch in launches
            if launch.flops or not fused
        )


CARDS = {
    "h200": Card(790e12, 4.3e12, 50e12),
    "a100": Card(250e12, 1.8e12, 19e12),
    "5090": Card(209e12, 1.7e12, 100e12),
    "4090": Card(165e12, 1.0e12, 80e12),
}
"""From data sheets; four fifths of the bf16 rate of the first two, which large products reach."""

LAUNCH_US = 5.0
"""What a launch costs the host at least; Python's own work on top of it makes that 10 to 20."""


def card(text: str) -> Card:
    """A card by its name, or ``FLOPS,BYTES`` a second, such as ``330e12,1.0e12``.

    Raises:
        ValueError: neither.
    """
    if text in CARDS:
        return CARDS[text]
    try:
        flops, bandwidth = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"card {text!r}: use {', '.join(CARDS)} or FLOPS,BYTES a second") from error
    return Card(flops, bandwidth, flops / 10)

"""The best that a card could do with what was counted: no kernel is faster than its FLOP or its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .ledger import Launch


@dataclass(frozen=True)
class Card:
    """A GPU.

    Attributes:
        flops: a second, dense bf16 with 32-bit sums, as large products reach it.
        bytes: a second, to and from its memory.
        full: FLOP a second in float32, which torch leaves to the ordinary cores.
        link: bytes a second to another card of its kind, one way; without NVLink a PCIe slot's.
    """

    flops: float
    bytes: float
    full: float
    link: float = 25e9

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

    def seconds_together(self, launches: Sequence[Launch], crossed: int, *, fused: bool) -> float:
        """Of a chunk whose kernels are on several cards, each at work on another chunk: the busiest of them.

        Args:
            crossed: bytes from card to card, which go beside that.
        """
        cards = {launch.device for launch in launches}
        busy = (self.seconds([each for each in launches if each.device == one], fused=fused) for one in cards)
        return max(crossed / self.link, *busy)


CARDS = {
    "h200": Card(790e12, 4.3e12, 50e12, 450e9),
    "a100": Card(250e12, 1.8e12, 19e12, 300e9),
    "5090": Card(209e12, 1.7e12, 100e12, 50e9),
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

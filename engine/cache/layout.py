"""How large a cache is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CacheLayout:
    """Sizes of a cache.

    Attributes:
        layers, heads, head_width: of the network.
        tokens: tokens of a latent frame.
        block: latent frames that are denoised together.
        window: latent frames that a query can see, sink and current block included.
        sink: how many of them are kept from the beginning of the stream.
        references: reference frames that fit in, besides the window.
        bank: frames of a bank, besides the window; only without references.
    """

    layers: int
    heads: int
    head_width: int
    tokens: int
    block: int
    window: int
    sink: int = 0
    references: int = 0
    bank: int = 0

    def __post_init__(self) -> None:
        if self.rolling < 0:
            raise ValueError(f"a window of {self.window} has no room for {self.sink} + {self.block} frames")
        if self.bank and self.references:
            raise ValueError("a cache has references or a bank")

    @property
    def rolling(self) -> int:
        """Frames of history that are forgotten, oldest first."""
        return self.window - self.sink - self.block

    @property
    def slots(self) -> int:
        """All frames that are stored."""
        return self.current + self.window

    @property
    def current(self) -> int:
        """The current block's first slot."""
        return self.bank + self.references

    def bytes(self, batch: int, itemsize: int, precision: str = "native") -> int:
        """Bytes of a cache: what the memory estimate predicts.

        Args:
            itemsize: bytes of a value in the network's format.
            precision: ``"fp8"`` has one byte a value in all but the current block, and a scale of four
                bytes for each frame and head.
        """
        frame = self.tokens * self.head_width
        kept = frame + 4 if precision == "fp8" else frame * itemsize
        values = self.block * frame * itemsize + (self.slots - self.block) * kept
        return 2 * batch * self.layers * self.heads * values

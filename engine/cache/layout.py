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
    """

    layers: int
    heads: int
    head_width: int
    tokens: int
    block: int
    window: int
    sink: int = 0
    references: int = 0

    def __post_init__(self) -> None:
        if self.rolling < 0:
            raise ValueError(f"a window of {self.window} has no room for {self.sink} + {self.block} frames")

    @property
    def rolling(self) -> int:
        """Frames of history that are forgotten, oldest first."""
        return self.window - self.sink - self.block

    @property
    def slots(self) -> int:
        """All frames that are stored."""
        return self.references + self.window

    def bytes(self, batch: int, itemsize: int) -> int:
        """Bytes of a cache in a format of ``itemsize`` bytes: what the memory estimate predicts."""
        token = 2 * self.heads * self.head_width * itemsize
        return batch * self.layers * self.slots * self.tokens * token

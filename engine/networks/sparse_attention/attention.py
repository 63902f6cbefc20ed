"""Self-attention with DSA: which back end computes it, and how long a selection serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from einops import rearrange

from ..fused_attention import attention, fastest
from ..rope import Rotation
from ..transformer import Sizes
from ..window_attention import WindowAttention
from .backends import ATTEND, Backend, flex_works
from .dsa import Blocks, Selection, SparseSettings, flat_blocks, select

MIN_TOKENS = {"cpu": 2048, "cuda": 8192}
"""Tokens from which a quarter of the blocks is faster than all of them, by kind of device.

CPU: measured on an AMD EPYC, one thread, float32, one layer of 5 heads of 32. Dense against gathering took
40 and 27 ms at 2048 tokens, 179 and 96 ms at 4096, 636 and 409 ms at 8192. Half of the blocks never paid:
42 and 49 ms, 160 and 213 ms. CUDA: not measured; there attention is 40 % of a 2B layer's arithmetic.
"""


def choose_backend(q: torch.Tensor, tokens: int) -> Backend | None:
    """The fastest back end for a buffer; None where selecting would cost more than it saves.

    Args:
        q: queries (B, H, n, l, d).
        tokens: of the buffer, without padding.
    """
    if not pays(q.device, tokens):
        return None
    return sparse_backend(q.device, q.shape[1], q.shape[-2], q.shape[-1], q.dtype)


def pays(device: torch.device, tokens: int) -> bool:
    """Whether selecting saves more than it costs, for a buffer of so many tokens."""
    return tokens >= MIN_TOKENS.get(device.type, MIN_TOKENS["cuda"])


def sparse_backend(device: torch.device, heads: int, length: int, width: int, dtype: torch.dtype) -> Backend:
    """The fastest of those that skip blocks, for blocks of ``length`` tokens and ``heads`` of ``width``."""
    return "flex" if flex_works(device.type, heads, length, width, dtype) else "gather"


@dataclass
class Selections:
    """A stream's selections, layer by layer; each serves some evaluations before it is made anew.

    Attributes:
        refresh: evaluations that one serves at most; fewer where the buffer moves on (``expire``).
        backend: how attention is computed; None chooses, and takes a buffer that is too small to gain whole.
    """

    refresh: int = 1
    backend: Backend | None = None
    _known: dict[int, tuple[object, int, Selection]] = field(default_factory=dict)

    @property
    def density(self) -> dict[int, float]:
        """Selected share of the blocks in the last evaluation, by layer."""
        return {layer: selection.density for layer, (_, _, selection) in self._known.items()}

    def expire(self) -> None:
        """The frames have moved to other places: every selection is made anew before it serves again."""
        self._known = {layer: (shape, self.refresh, made) for layer, (shape, _, made) in self._known.items()}

    def get(self, layer: int, shape: object, make: Callable[[], Selection]) -> Selection:
        """The layer's selection for a buffer of this shape, made where it is due."""
        held = self._known.get(layer)
        if held is None or held[0] != shape or held[1] >= self.refresh:
            held = (shape, 0, make())
        self._known[layer] = (held[0], held[1] + 1, held[2])
        return held[2]


class SparseAttention(WindowAttention):
    """The same weights as window attention; every query block selects the key blocks it sees.

    Args:
        layer: its number, under which selections are kept.
    """

    def __init__(self, config: Sizes, settings: SparseSettings, layer: int) -> None:
        super().__init__(config)
        self.settings, self.layer = settings, layer

    # blocks and selections in place of a layout
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        x: torch.Tensor,
        blocks: Blocks,
        rotation: Rotation,
        selections: Selections | None,
    ) -> torch.Tensor:
        """(B, tokens, width) to the same.

        Args:
            rotation: of every token, (tokens, head_width / 2).
            selections: of the stream, or fresh ones; None takes the buffer whole.
        """
        layout = blocks.layout
        q, k, v = (rearrange(part, "b n h l d -> b h n l d") for part in self.split(x, layout, rotation))
        backend = None if selections is None else selections.backend or choose_backend(q, x.shape[1])
        if selections is None or backend is None:
            mask = None if blocks.real is None else blocks.real.flatten()[None]
            flat = attention(flat_blocks(q), flat_blocks(k), flat_blocks(v), mask, expects=fastest(mask))
            return self.join(rearrange(flat, "b h (n l) d -> b n h l d", n=blocks.count), layout)
        shape = (len(x), blocks.count, layout.length)
        selection = selections.get(self.layer, shape, lambda: select(q, k, blocks, self.settings))
        attended = ATTEND[backend](q, k, v, selection, blocks)
        return self.join(rearrange(attended, "b h n l d -> b n h l d"), layout)

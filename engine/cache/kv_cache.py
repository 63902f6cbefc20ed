"""SegmentedKVCache: what a block-autoregressive transformer remembers, in four segments.

Slots are laid out as ``[references | current | sink | rolling]``. References are pinned and end where
the current block begins, so that whatever is filled is one contiguous run (but for a short block with a
history) and attention needs no mask. A block's frames leave ``current`` when they are committed: the
stream's first ones become the sink, later ones roll. All bookkeeping is integers on the host; nothing
here waits for the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from .adaptive_sink import renew
from .fp8 import Fp8Storage
from .layout import CacheLayout
from .staged_references import RopeMode, StagedReferenceKV
from .storage import NativeStorage, Storage
from .view import BlockView

Order = Literal["ring", "shift"]
Precision = Literal["native", "fp8"]


class SegmentedKVCache:
    """Keys and values of one stream, for all layers; its memory never grows.

    Args:
        layout: sizes.
        batch: rows, each with its own history.
        device, dtype: of the network.
        rope: ``"relative"`` keeps keys raw and numbers what is in the cache anew for every block, so
            positions stay below ``layout.slots`` for ever; ``"absolute"`` keeps keys rotated at the
            position of their frame in the stream, as Self-Forcing does.
        order: ``"ring"`` overwrites the oldest rolling frame in place; ``"shift"`` moves the others up.
        precision: number format of everything but the current block.
        sink_similarity: None keeps the sink for ever; a number makes it adaptive: the sink frame least
            like a new frame is replaced by it once their mean keys and values have a mean cosine
            below this (StreamDiffusionV2, arXiv 2511.07399, uses 0.2).
    """

    def __init__(
        self,
        layout: CacheLayout,
        *,
        batch: int = 1,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        rope: RopeMode = "relative",
        order: Order = "ring",
        precision: Precision = "native",
        sink_similarity: float | None = None,
    ) -> None:
        self.layout, self.rope, self.order, self.sink_similarity = layout, rope, order, sink_similarity
        self.batch = batch
        kind = Fp8Storage if precision == "fp8" else NativeStorage
        self.storage: Storage = kind(layout, batch, device, dtype)
        self.references = 0
        self._first_sink = layout.references + layout.block
        self._first_rolling = self._first_sink + layout.sink
        self.reset()

    def reset(self) -> None:
        """Forget everything but the references."""
        self.current = 0
        self.sinks = 0
        self._rolling: list[int] = []  # slots, oldest frame first
        self._position = 0  # of the next frame; counts with absolute positions only

    @property
    def history(self) -> int:
        """Frames of sink and rolling."""
        return self.sinks + len(self._rolling)

    @property
    def bytes(self) -> int:
        """Bytes of all buffers."""
        return self.storage.nbytes

    def begin(self, frames: int) -> BlockView:
        """Start a block, or one more pass over the same block.

        Args:
            frames: latent frames of the block, at most ``layout.block``.

        Returns:
            references, the block's own slots, and the history.
        """
        if not 0 < frames <= self.layout.block:
            raise ValueError(f"a block of {frames} frames does not fit a cache for {self.layout.block}")
        self.current = frames
        first = self.layout.references - self.references
        stop = self._first_sink + self.history if self.history else self.layout.references + frames
        return BlockView(
            lambda layer: self.storage.view(layer, first, stop, frames),
            self._positions(),
            self._key_positions() if self.rope == "relative" else None,
            self.references,
            self.references + frames + self.history,
        )

    def _positions(self) -> tuple[int, ...]:
        """Of the current frames."""
        before = self._position if self.rope == "absolute" else self.history
        return tuple(range(self.references + before, self.references + before + self.current))

    def _key_positions(self) -> tuple[int, ...]:
        """Of all frames in the order of their slots, counted as if the cache were the whole stream."""
        sink = range(self.references, self.references + self.sinks)
        start = self.references + self.sinks
        age = {slot: start + place for place, slot in enumerate(self._rolling)}
        rolling = (age[slot] for slot in sorted(age))
        return (*range(self.references), *self._positions(), *sink, *rolling)

    def commit(self) -> None:
        """The current block becomes history; the oldest rolling frames make room for it."""
        frames, first = self.current, self.layout.references
        fill = min(frames, self.layout.sink - self.sinks)
        if fill:
            self._keep(first, self._first_sink + self.sinks, fill)
            self.sinks += fill
        elif self.sinks and self.sink_similarity is not None:
            slots = range(self._first_sink, self._first_sink + self.sinks)
            renew(self.storage, self.layout.layers, slots, first + frames - 1, self.sink_similarity)
        fresh = min(frames - fill, self.layout.rolling)
        for frame, slot in zip(range(frames - fresh, frames), self._make_room(fresh), strict=True):
            self._keep(first + frame, slot, 1)
        self._position += frames if self.rope == "absolute" else 0
        self.current = 0

    def _make_room(self, count: int) -> list[int]:
        """Slots for the next ``count`` rolling frames, already entered as the youngest."""
        full = self._first_rolling + self.layout.rolling
        over = max(0, len(self._rolling) + count - self.layout.rolling)
        if over and self.order == "shift":
            left = len(self._rolling) - over
            if left:
                self.storage.move(self._first_rolling + over, self._first_rolling, left)
            self._rolling = list(range(self._first_rolling, self._first_rolling + left))
        freed = self._rolling[:over] if self.order == "ring" else []
        self._rolling = self._rolling[len(freed) :]
        unused = [slot for slot in range(self._first_rolling, full) if slot not in (*self._rolling, *freed)]
        slots = [*freed, *unused][:count]
        self._rolling += slots
        return slots

    def _keep(self, source: int, target: int, count: int) -> None:
        for layer in range(self.layout.layers):
            for offset in range(count):
                self.storage.write(layer, target + offset, *self.storage.frame(layer, source + offset))

    def clear_history(self, *, keep_sink: bool = False) -> None:
        """Forget rolling frames, and the sink unless it is to be kept; references stay."""
        self._rolling = []
        if not keep_sink:
            self.sinks = 0
            self._position = 0
        elif self.rope == "absolute":
            raise ValueError("with absolute positions the sink can't outlive the frames that follow it")

    def staged(self, frames: int) -> StagedReferenceKV:
        """Buffers in which references are built while the stream goes on."""
        layout = self.layout
        some, _ = self.storage.frame(0, layout.references)
        shape = (len(some), frames * layout.tokens, layout.heads, layout.head_width)
        pairs = [(some.new_zeros(shape), some.new_zeros(shape)) for _ in range(layout.layers)]
        return StagedReferenceKV(pairs, frames, self.rope)

    def replace_references(self, staged: Sequence[StagedReferenceKV]) -> None:
        """Put finished references into the pinned segment, in one go between two blocks.

        Raises:
            ValueError: they are more than fit in.
        """
        count = sum(staged.frames for staged in staged)
        if count > self.layout.references:
            raise ValueError(f"{count} reference frames do not fit into {self.layout.references}")
        slot = self.layout.references - count
        for stage in staged:
            for layer, (k, v) in enumerate(stage.pairs):
                self.storage.write(layer, slot, k, v)
            slot += stage.frames
        self.references = count

    def contents(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of references, sink and rolling, oldest first (for tests and fixtures)."""
        references = range(self.layout.references - self.references, self.layout.references)
        sink = range(self._first_sink, self._first_sink + self.sinks)
        frames = [self.storage.frame(layer, slot) for slot in (*references, *sink, *self._rolling)]
        return torch.cat([k for k, _ in frames], dim=1), torch.cat([v for _, v in frames], dim=1)

"""SegmentedKVCache: what a block-autoregressive transformer remembers of its stream.

``roll`` decides which frame lies in which slot; the storages hold the tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch

from .adaptive_sink import renew
from .average_sink import take_in
from .fp8 import Fp8Storage
from .frame_bank import GROUP, replace_weakest
from .layout import CacheLayout
from .roll import Roll, RopeMode
from .staged_references import StagedReferenceKV
from .storage import NativeStorage, Place, Storage
from .view import BlockView

Precision = Literal["native", "fp8"]


class SegmentedKVCache:
    """Keys and values of one stream, for all layers; its memory never grows.

    Args:
        layout: sizes.
        batch: rows, each with its own history.
        device, dtype: of the network, or of each of its layers.
        rope: ``"relative"`` keeps keys raw, and ``BlockView.key_positions`` numbers them anew for every
            block; ``"absolute"`` keeps keys rotated at the position of their frame in the stream, as
            Self Forcing does.
        precision: number format of everything but the current block.
        sink_similarity: None keeps the sink for ever; a number makes it adaptive: the sink frame least
            like a new frame is replaced by it once their mean keys and values have a mean cosine
            below this (StreamDiffusionV2, arXiv 2511.07399, uses 0.2).
        sink_average: makes the sink a moving average that keeps this share of itself when it takes in the
            frames that leave (Reward-Forcing, arXiv 2512.04678: 0.999); for relative positions.

    Attributes:
        roll: slots and positions.
    """

    def __init__(
        self,
        layout: CacheLayout,
        *,
        batch: int = 1,
        device: Place = "cpu",
        dtype: torch.dtype = torch.float32,
        rope: RopeMode = "relative",
        precision: Precision = "native",
        sink_similarity: float | None = None,
        sink_average: float | None = None,
    ) -> None:
        self.layout, self.batch = layout, batch
        self.sink_similarity, self.sink_average = sink_similarity, sink_average
        self.rope: RopeMode = rope
        kind = Fp8Storage if precision == "fp8" else NativeStorage
        self.storage: Storage = kind(layout, batch, device, dtype)
        self.roll = Roll(layout, rope)

    def reset(self) -> None:
        """Forget everything but the references."""
        self.roll.reset()

    @property
    def references(self) -> int:
        """Reference frames in the cache."""
        return self.roll.references

    @property
    def sinks(self) -> int:
        """Frames in the sink."""
        return self.roll.sinks

    @property
    def history(self) -> int:
        """Frames of sink and rolling."""
        return self.roll.history

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
        self.roll.begin(frames)
        first, stop = self.roll.filled
        return BlockView(
            partial(self.storage.view, first=first, stop=stop, frames=frames),  # a closure is not copied
            self.roll.positions,
            self.roll.key_positions if self.rope == "relative" else None,
            self.references,
            len(self.roll.banked) + self.references + frames + self.history,
        )

    def commit(self, text: Sequence[tuple[torch.Tensor, torch.Tensor]] | None = None) -> None:
        """The current block becomes history; the oldest rolling frames make room for it.

        Args:
            text: keys and values of the block's text in each layer, by which a bank chooses; None leaves
                the bank as it is.
        """
        roll, layers = self.roll, self.layout.layers
        if self.sink_similarity is not None and 0 < roll.sinks == self.layout.sink:
            sink = range(roll.first_sink, roll.first_sink + roll.sinks)
            renew(self.storage, layers, sink, self.layout.current + roll.current - 1, self.sink_similarity)
        if self.layout.bank and text is not None:
            self._note(text)
        if self.sink_average is not None:
            take_in(self.storage, layers, roll.first_sink, roll.leaving, self.sink_average)
        for source, target, frames in _runs(roll.commit()):
            for layer in range(layers):
                self.storage.write(layer, target, *self.storage.frame(layer, source, frames))

    def new_shot(self, jump: int) -> None:
        """The next block begins a shot; see ``Roll.new_shot``."""
        self.roll.new_shot(jump)

    def _note(self, text: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """The current block's first frame goes into the bank."""
        full, source = self.roll.noted >= GROUP * self.layout.bank, self.layout.current
        self.roll.noted += 1
        if full:
            replace_weakest(self.storage, self.roll.banked, source, text)
            return
        for layer in range(self.layout.layers):
            self.storage.write(layer, self.roll.banked.start, *self.storage.frame(layer, source))

    def clear_history(self, *, keep_sink: bool = False, back: int = 0) -> None:
        """Forget rolling frames, and the sink unless it is to be kept; see ``Roll.clear``."""
        self.roll.clear(keep_sink=keep_sink, back=back)

    def staged(self, frames: int) -> StagedReferenceKV:
        """Buffers in which references are built while the stream goes on."""
        layout = self.layout
        pairs = []
        for layer in range(layout.layers):
            some, _ = self.storage.frame(layer, layout.current)
            shape = (len(some), frames * layout.tokens, layout.heads, layout.head_width)
            pairs.append((some.new_zeros(shape), some.new_zeros(shape)))
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
        self.roll.references = count

    def contents(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of references, sink and rolling, oldest first (for tests and fixtures)."""
        frames = [self.storage.frame(layer, slot) for slot in self.roll.slots]
        return torch.cat([k for k, _ in frames], dim=1), torch.cat([v for _, v in frames], dim=1)


def _runs(moves: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Moves from slot to slot as (from, to, frames): one copy for slots that follow each other."""
    runs: list[tuple[int, int, int]] = []
    for source, target in moves:
        first, to, frames = runs[-1] if runs else (-1, -1, 0)
        if frames and (source, target) == (first + frames, to + frames):
            runs[-1] = (first, to, frames + 1)
        else:
            runs.append((source, target, 1))
    return runs

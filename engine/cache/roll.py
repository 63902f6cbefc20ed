"""The roll of a KV cache: which latent frame lies in which slot, and what makes room for what.

Self Forcing (arXiv 2506.08009, section 3.4) keeps a window of the last frames and evicts the oldest
when it is full; attention sinks (StreamingLLM, arXiv 2309.17453; LongLive, arXiv 2509.22622) keep the
first frames of the stream as well. Slots are laid out as::

    [ bank | references | current block | sink | rolling ]

References are pinned and end where the current block begins, so what is filled is one contiguous run
and attention needs no mask (but for a short block with a history). ``commit`` moves the current block
into the history: first into the sink until that is full, then into the rolling slots, over the oldest
frames. The first block of a shot is pinned there until the next shot, a second sink (LongLive 2, arXiv
2605.18739). Only integers; nothing here waits for a device.
"""

from __future__ import annotations

from typing import Literal

from .frame_bank import GROUP
from .layout import CacheLayout

RopeMode = Literal["relative", "absolute"]
"""Whether a cache keeps keys raw and numbers them anew for every block, or rotated once and for all."""


class Roll:
    """Slots and temporal positions of one stream's frames.

    Args:
        layout: sizes.
        rope: ``"relative"`` counts positions from the oldest frame in the cache, so that they stay below
            ``layout.slots`` for ever; ``"absolute"`` counts from the start of the stream.

    Attributes:
        references: reference frames in their slots, the last ones of the segment.
        noted: blocks that the bank has seen.
        current: frames of the current block.
        sinks: frames in the sink.
        rolling: slots of the rolling frames, oldest frame first.
        pinned: those of the shot's first block, which leave last.
        position: position of the next frame in the stream; counts with absolute positions only.
    """

    def __init__(self, layout: CacheLayout, rope: RopeMode = "relative") -> None:
        self.layout, self.rope = layout, rope
        self.references = 0
        self.first_sink = layout.current + layout.block
        self.first_rolling = self.first_sink + layout.sink
        self.reset()

    def reset(self) -> None:
        """Forget everything but the references."""
        self.current = 0
        self.sinks = 0
        self.rolling: list[int] = []
        self.pinned: list[int] = []
        self._opens_shot = False  # the current block
        self.position = 0
        self.noted = 0

    @property
    def banked(self) -> range:
        """Slots of the bank's frames, which end where the current block begins."""
        bank = self.layout.bank
        return range(bank - min(bank, -(-self.noted // GROUP)), bank)

    @property
    def history(self) -> int:
        """Frames of sink and rolling."""
        return self.sinks + len(self.rolling)

    @property
    def filled(self) -> tuple[int, int]:
        """The run of slots, first and stop, from the first reference to the end of the history."""
        stop = self.first_sink + self.history if self.history else self.layout.current + self.current
        return self.layout.current - self.references - len(self.banked), stop

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots of references, sink and rolling frames, oldest first."""
        references = range(self.layout.current - self.references, self.layout.current)
        return (*references, *range(self.first_sink, self.first_sink + self.sinks), *self.rolling)

    def begin(self, frames: int) -> None:
        """Start a block of this many frames, at most ``layout.block``, or one more pass over it."""
        if not 0 < frames <= self.layout.block:
            raise ValueError(f"a block of {frames} frames does not fit a cache for {self.layout.block}")
        self.current = frames

    def new_shot(self, jump: int) -> None:
        """The next block begins a shot, ``jump`` frames of time later than it would be."""
        self.position += jump if self.rope == "absolute" else 0
        self._opens_shot = True

    def commit(self) -> list[tuple[int, int]]:
        """The current block becomes history.

        Returns:
            (from slot, to slot) of every frame that is to be copied.
        """
        frames, first, layout = self.current, self.layout.current, self.layout
        to_sink = min(frames, layout.sink - self.sinks)
        targets = list(range(self.first_sink + self.sinks, self.first_sink + self.sinks + to_sink))
        self.sinks += to_sink
        to_rolling = min(frames - to_sink, layout.rolling)
        skipped = frames - to_sink - to_rolling  # a block larger than the rolling segment leaves its end
        sources = [*range(first, first + to_sink), *range(first + to_sink + skipped, first + frames)]
        room = self._make_room(to_rolling)
        if self._opens_shot:
            self.pinned, self._opens_shot = room, False
        targets += room
        self.position += frames if self.rope == "absolute" else 0
        self.current = 0
        return list(zip(sources, targets, strict=True))

    @property
    def leaving(self) -> list[int]:
        """Slots of the frames that the current block will push out, oldest first."""
        coming = self.current - min(self.current, self.layout.sink - self.sinks)
        kept = self.layout.rolling - min(coming, self.layout.rolling)
        return self._by_leaving[: max(0, len(self.rolling) - kept)]

    @property
    def _by_leaving(self) -> list[int]:
        """Slots of the rolling frames, the next to leave first."""
        return sorted(self.rolling, key=self.pinned.__contains__)

    def _make_room(self, count: int) -> list[int]:
        """Slots for the next ``count`` rolling frames: those of the oldest, then unused ones."""
        used = len(self.rolling)
        evicted = max(0, used + count - self.layout.rolling)
        unused = self.first_rolling + used
        leaving = self._by_leaving[:evicted]
        slots = [*leaving, *range(unused, unused + count - evicted)]
        self.rolling = [*(slot for slot in self.rolling if slot not in leaving), *slots]
        self.pinned = [slot for slot in self.pinned if slot not in leaving]
        return slots

    def clear(self, *, keep_sink: bool = False, back: int = 0) -> None:
        """Forget rolling frames, and the sink unless it is to be kept; references stay.

        Args:
            back: how far absolute positions go back, for frames that are encoded anew after a kept sink.
        """
        self.rolling, self.pinned, self._opens_shot = [], [], False
        if keep_sink:
            self.position -= back if self.rope == "absolute" else 0
        else:
            self.sinks = 0
            self.position = 0
            self.noted = 0

    @property
    def positions(self) -> tuple[int, ...]:
        """Temporal position of each current frame."""
        before = self.position if self.rope == "absolute" else self.history
        start = self.references + before
        return tuple(range(start, start + self.current))

    @property
    def key_positions(self) -> tuple[int, ...]:
        """Of all frames in the order of their slots, counted as if the cache were the whole stream."""
        start = self.references + self.sinks
        age = {slot: start + place for place, slot in enumerate(self.rolling)}
        rolling = (age[slot] for slot in sorted(age))
        return (*range(self.references), *self.positions, *range(self.references, start), *rolling)

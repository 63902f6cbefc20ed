"""Frames on their way between the parts of a session."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..media.types import Frames


@dataclass(frozen=True)
class Block:
    """Consecutive frames of a stream together with the source frames they were made from.

    Attributes:
        index: position of the first frame in the stream.
        pts: seconds since the stream's start, one per frame.
        captured_at: ``time.monotonic()`` at which each frame was decoded.
        pixels: uint8 RGB, shape (count, height, width, 3); None while a generator has not drawn them.
        source: the source frames, shaped like ``pixels``; None where there is no source.
    """

    index: int
    pts: tuple[Fraction, ...]
    captured_at: tuple[float, ...]
    pixels: np.ndarray | None = None
    source: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.pts)

    def frames(self) -> Frames:
        """The picture part, as sinks and runners take it."""
        assert self.pixels is not None
        return Frames(self.pixels, self.index, self.pts)

    def padded(self, count: int) -> Frames:
        """The picture part, its last frame repeated until there are ``count``."""
        frames = self.frames()
        missing = count - len(frames)
        if missing <= 0:
            return frames
        pixels = np.concatenate([frames.pixels, np.repeat(frames.pixels[-1:], missing, axis=0)])
        return Frames(pixels, frames.index, frames.pts + frames.pts[-1:] * missing)

    def split(self, count: int) -> tuple[Block, Block]:
        """The first ``count`` frames and the rest; both share the pixels' memory."""
        return self._part(0, count), self._part(count, len(self))

    def _part(self, start: int, stop: int) -> Block:
        return Block(
            self.index + start,
            self.pts[start:stop],
            self.captured_at[start:stop],
            None if self.pixels is None else self.pixels[start:stop],
            None if self.source is None else self.source[start:stop],
        )

    @staticmethod
    def join(blocks: Sequence[Block]) -> Block:
        """One block of several that follow each other; a single one is passed on as it is."""
        if len(blocks) == 1:
            return blocks[0]
        return Block(
            blocks[0].index,
            tuple(moment for block in blocks for moment in block.pts),
            tuple(moment for block in blocks for moment in block.captured_at),
            _joined([block.pixels for block in blocks]),
            _joined([block.source for block in blocks]),
        )


def _joined(arrays: list[np.ndarray | None]) -> np.ndarray | None:
    present = [array for array in arrays if array is not None]
    return np.concatenate(present) if present else None


class Edge:
    """From one part of a session to the next: frames come in blocks of one size and leave in another.

    Only the session's own thread touches it.

    Args:
        capacity: frames from which on no further block is taken; the last one may overshoot.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.ended = False
        self._blocks: deque[Block] = deque()
        self._frames = 0

    def __len__(self) -> int:
        return self._frames

    @property
    def room(self) -> bool:
        """Whether another block may be pushed."""
        return self._frames < self.capacity

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left and nothing will come."""
        return self.ended and not self._frames

    @property
    def head(self) -> int:
        """Frames in the oldest block, 0 when empty."""
        return len(self._blocks[0]) if self._blocks else 0

    def push(self, block: Block) -> None:
        """Append a block."""
        self._blocks.append(block)
        self._frames += len(block)

    def take(self, count: int) -> Block:
        """The oldest ``count`` frames, of at least as many that are there, as one block."""
        taken: list[Block] = []
        missing = count
        while missing:
            block = self._blocks.popleft()
            if len(block) > missing:
                block, rest = block.split(missing)
                self._blocks.appendleft(rest)
            taken.append(block)
            missing -= len(block)
        self._frames -= count
        return Block.join(taken)

"""Where a clip may be divided, and the pictures of its pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from ...engine.errors import MediaError
from ...engine.families.base import Chunk
from ...engine.motion.scene import CutDetector

MOST_PIECES = 16
"""Of one clip: each reads it from the beginning, so more would cost more than they give."""


class Piece(NamedTuple):
    """A run of whole scenes.

    Attributes:
        first, end: numbers of its first frame, and of the frame after its last one.
        dtype: what ``auto`` means for all pieces of the clip: each worker alone would measure, and the
            pictures of one clip would differ.
    """

    first: int
    end: int
    dtype: str

    def file(self, work: Path) -> Path:
        """Where the finished piece lies."""
        return work / f"{self.first:08}-{self.end:08}.{self.dtype}.mkv"


class Scenes:
    """Finds the chunks in which a scene begins; the model makes none of them.

    Attributes:
        starts: numbers of their first frames.
        frames: that the clip has.
    """

    def __init__(self) -> None:
        self._cuts = CutDetector()
        self.starts: list[int] = []
        self.frames = 0

    def __call__(self, chunk: Chunk, width: int, height: int) -> np.ndarray:
        """See ``engine.cluster.replaced.Given``."""
        assert chunk.frames is not None
        if self._cuts.cuts(chunk.frames.pixels):
            self.starts.append(chunk.first_frame)
        self.frames = chunk.first_frame + chunk.valid
        return _blank(chunk, width, height)

    def pieces(self, dtype: str, most: int = MOST_PIECES) -> list[Piece]:
        """At most ``most``; short scenes are joined."""
        least, bounds = -(-self.frames // most), [0]
        for start in self.starts:
            if start - bounds[-1] >= least and self.frames - start >= least:
                bounds.append(start)
        ends = [*bounds[1:], self.frames]
        return [Piece(first, end, dtype) for first, end in zip(bounds, ends, strict=True)]


class OnePiece:
    """Leaves the chunks of a piece to the model; the others are not made."""

    def __init__(self, piece: Piece) -> None:
        self._piece = piece

    def __call__(self, chunk: Chunk, width: int, height: int) -> np.ndarray | None:
        """See ``engine.cluster.replaced.Given``."""
        inside = self._piece.first <= chunk.first_frame < self._piece.end
        return None if inside else _blank(chunk, width, height)


class Joined:
    """The pictures of all pieces, one after the other."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._pictures = _pictures(files)

    def __call__(self, chunk: Chunk, width: int, height: int) -> np.ndarray:
        """See ``engine.cluster.replaced.Given``."""
        found = list(islice(self._pictures, chunk.valid))
        if len(found) < chunk.valid:
            raise MediaError("The source has grown since it was divided: run again.")
        return np.stack(found)


def _pictures(files: Iterable[Path]) -> Iterator[np.ndarray]:
    for file in files:
        with av.open(str(file)) as opened:
            yield from (frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0))


def _blank(chunk: Chunk, width: int, height: int) -> np.ndarray:
    return np.zeros((chunk.valid, height, width, 3), np.uint8)

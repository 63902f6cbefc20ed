"""Parts of a graph that move frames along its edges: from a feed, and through a pipeline.

``advance`` belongs to the session's thread. It never waits, and returns whether anything moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..media.types import Frames
from .edge import Edge, Fanout
from .feeds import Feed
from .pause import Gate
from .stage_pipeline import StagePipeline
from .trial import Trial


class Part(Protocol):
    """Anything between edges."""

    def advance(self) -> bool:
        """Move chunks as far as they can go without waiting; False when nothing moved."""
        ...


class FeedPart:
    """Moves chunks from a feed to everyone who uses them, while the gate is open.

    Args:
        seen: told of every chunk, before anyone gets it.
    """

    def __init__(self, feed: Feed, outlet: Fanout, gate: Gate, seen: Callable[[Frames], None]) -> None:
        self.feed = feed
        self._outlet = outlet
        self._gate = gate
        self._seen = seen
        self._ended = False

    def advance(self) -> bool:
        if self._ended:
            return False
        if self.feed.ended:  # passed on at once: a last short chunk waits for it
            self._ended = True
            self._outlet.end()
            return True
        frames = self.feed.poll() if self._gate.open and self._outlet.room else None
        if frames is None:
            return False
        self._gate.passed()
        self._seen(frames)
        self._outlet.push(frames)
        return True


class PipelinePart:
    """Moves chunks through a pipeline, in the sizes that its runner wants.

    Args:
        pipeline: of one denoising node.
        inlet: its frames.
        outlet: everyone who uses the result.
        acquire: called before each burst of work; puts the models on the device.
        trial: what is seen while the stream stands still; None where a chunk can't be made again.
    """

    def __init__(
        self,
        pipeline: StagePipeline,
        inlet: Edge,
        outlet: Fanout,
        acquire: Callable[[], None],
        trial: Trial | None = None,
    ) -> None:
        self.pipeline = pipeline
        self._inlet = inlet
        self._outlet = outlet
        self._acquire = acquire
        self._trial = trial
        self._ended = False

    def advance(self) -> bool:
        tried = None if self._trial is None else self._trial.advance()
        if tried is not None:
            return tried
        moved = False
        if self.pipeline.ready and self._outlet.room:
            self._outlet.push(self.pipeline.take())
            moved = True
        wanted = self.pipeline.wanted
        if wanted and len(self._inlet) and (len(self._inlet) >= wanted or self._inlet.ended):
            if self.pipeline.idle:
                self._acquire()
            self.pipeline.feed(self._inlet.take(min(wanted, len(self._inlet))))
            moved = True
        elif self._inlet.exhausted and self.pipeline.drain():
            moved = True
        if not self._ended and self._inlet.exhausted and self.pipeline.idle:
            self._ended = True
            self._outlet.end()
            moved = True
        return moved

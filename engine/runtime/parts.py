"""Parts of a graph that move frames along its edges: from a feed, and through a pipeline.

``advance`` belongs to the session's thread. It never waits, and returns whether anything moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
        self.gate = gate
        self._outlet = outlet
        self._seen = seen
        self._ended = False

    def advance(self) -> bool:
        if self._ended:
            return False
        if self.feed.ended:  # passed on at once: a last short chunk waits for it
            self._ended = True
            self._outlet.end()
            return True
        frames = self.feed.poll() if self.gate.open and self._outlet.room else None
        if frames is None:
            return False
        self.gate.passed()
        self._seen(frames)
        self._outlet.push(frames)
        return True


@dataclass(frozen=True)
class Successor:
    """What takes a pipeline's place at a chunk's border.

    Attributes:
        pipeline: made, and its runner warm.
        at_border: called with the first frame that it makes, when the one before it is done.
    """

    pipeline: StagePipeline
    at_border: Callable[[int], None]


class PipelinePart:
    """Moves chunks through a pipeline, in the sizes that its runner wants.

    Args:
        pipeline: of one denoising node.
        inlet: its frames.
        outlet: everyone who uses the result.
        acquire: called before each burst of work; puts the models on the device.
        trial: what is seen while the stream stands still; None where a chunk can't be made again.

    Attributes:
        successor: waits for the next chunk's border, where what is in work has been finished.
        latest: the frames that went in last.
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
        self.inlet = inlet
        self.trial = trial
        self.successor: Successor | None = None
        self.latest: Frames | None = None
        self._outlet = outlet
        self._acquire = acquire
        self._ended = False

    def advance(self) -> bool:
        tried = None if self.trial is None else self.trial.advance()
        if tried is not None:
            return tried
        if self.successor is not None and not self.inlet.exhausted:
            return self._give_way(self.successor)
        moved = False
        if self.pipeline.ready and self._outlet.room:
            self._outlet.push(self.pipeline.take())
            moved = True
        wanted = self.pipeline.wanted
        if wanted and len(self.inlet) and (len(self.inlet) >= wanted or self.inlet.ended):
            if self.pipeline.idle:
                self._acquire()
            self.latest = self.inlet.take(min(wanted, len(self.inlet)))
            self.pipeline.feed(self.latest)
            moved = True
        elif self.inlet.exhausted and self.pipeline.drain():
            moved = True
        if not self._ended and self.inlet.exhausted and self.pipeline.idle:
            self._ended = True
            self._outlet.end()
            moved = True
        return moved

    def _give_way(self, successor: Successor) -> bool:
        """Finish what is in work, as at the stream's end; then the successor goes on with the next frame."""
        old = self.pipeline
        if old.ready and self._outlet.room:
            self._outlet.push(old.take())
            return True
        if old.drain():
            return True
        if not old.idle or old.working:
            return False
        self.pipeline, self.successor = successor.pipeline, None
        old.release()
        successor.at_border(old.end)
        return True

"""A stream of which pictures are asked for by the time of another one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..media.types import Frames
from .edge import Edge


class Follower:
    """The picture that a stream shows at a moment; only the session's own thread uses it.

    Args:
        edge: its frames.
        waits: whether a moment for which no frame is there yet is waited for. A live stream beside another
            one shows what it has, and what is too much to keep is passed over.
    """

    def __init__(self, edge: Edge, waits: bool) -> None:
        self._edge = edge
        self._waits = waits
        self._now: Frames | None = None
        self._ahead: Frames | None = None

    def at(self, moment: Fraction) -> np.ndarray | None:
        """The last frame that is not later, at first the first one, and behind the end the last one.

        Args:
            moment: seconds of the stream, never less than before.

        Returns:
            uint8 (H, W, 3); None while it is not known yet.
        """
        while self._ahead is None or self._ahead.pts[0] <= moment:
            if self._ahead is not None:
                self._now, self._ahead = self._ahead, None
            if (self._now is not None and self._now.pts[0] == moment) or not len(self._edge):
                break
            self._ahead = self._edge.take(1)
        frames = self._now or self._ahead
        reached = self._ahead is not None or self._edge.exhausted or not self._waits
        if frames is None or not (reached or frames.pts[0] >= moment):
            return None
        return frames.pixels[0]

    @property
    def missing(self) -> bool:
        """Whether the stream ended before its first frame."""
        return self._now is None and self._ahead is None and self._edge.exhausted

    def keep_up(self) -> None:
        """Make room where a live stream has brought more than can wait, so that nobody is held up."""
        while not self._waits and not self._edge.room:
            self._now, self._ahead = self._ahead or self._edge.take(1), None

    def drop(self) -> None:
        """Let go of what has come and is not needed any more."""
        self._now = self._ahead = None
        if len(self._edge):
            self._edge.take(len(self._edge))

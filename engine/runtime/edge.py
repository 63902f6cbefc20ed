"""Frames that wait between two parts of a session."""

from __future__ import annotations

from collections import deque

from ..media.types import Frames


class Edge:
    """From one part of a session to the next: frames come in chunks of one size and leave in another.

    Only the session's own thread touches it.

    Args:
        capacity: frames from which on no further chunk is taken; the last one may overshoot.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.ended = False
        self._chunks: deque[Frames] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def room(self) -> bool:
        """Whether another chunk may be pushed."""
        return self._count < self.capacity

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left and nothing will come."""
        return self.ended and not self._count

    @property
    def head(self) -> int:
        """Frames in the oldest chunk, 0 when empty."""
        return len(self._chunks[0]) if self._chunks else 0

    def push(self, frames: Frames) -> None:
        """Append a chunk."""
        self._chunks.append(frames)
        self._count += len(frames)

    def take(self, count: int) -> Frames:
        """The oldest ``count`` frames, of at least as many that are there."""
        taken: list[Frames] = []
        missing = count
        while missing:
            frames = self._chunks.popleft()
            if len(frames) > missing:
                self._chunks.appendleft(frames[missing:])
                frames = frames[:missing]
            taken.append(frames)
            missing -= len(frames)
        self._count -= count
        return Frames.join(taken)


class Fanout:
    """The same frames for everyone who uses a part's result: a chunk comes only when all have room.

    Args:
        edges: one for each user; ``add`` makes more.
    """

    def __init__(self, *edges: Edge) -> None:
        self._edges = list(edges)

    def add(self, capacity: int) -> Edge:
        """An edge to another user."""
        edge = Edge(capacity)
        self._edges.append(edge)
        return edge

    @property
    def room(self) -> bool:
        """Whether another chunk may be pushed."""
        return all(edge.room for edge in self._edges)

    def grow(self, capacity: int) -> None:
        """Have every edge hold at least so many frames."""
        for edge in self._edges:
            edge.capacity = max(edge.capacity, capacity)

    def push(self, frames: Frames) -> None:
        """Append a chunk to every edge."""
        for edge in self._edges:
            edge.push(frames)

    def end(self) -> None:
        """Nothing more will come."""
        for edge in self._edges:
            edge.ended = True

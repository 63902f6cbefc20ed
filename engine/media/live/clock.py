"""Between a source that keeps its own time and a session that takes what it can: a bounded queue."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, Literal, TypeVar

Item = TypeVar("Item")
ClockPolicy = Literal["every_frame", "latest", "resample", "drop_oldest"]

POLICIES: tuple[ClockPolicy, ...] = ("every_frame", "latest", "resample", "drop_oldest")
QUEUE = 8
"""Pictures that ``every_frame`` and ``drop_oldest`` keep beside the chunk."""

SPAN = 24
"""Pictures that ``resample`` chooses from beside the chunk."""


class FrameClock(Generic[Item]):
    """Decides which pictures of a live source are used.

    ``every_frame`` makes the source wait, so nothing is lost and latency is the queue's.
    ``drop_oldest`` keeps the order and loses the oldest when the queue is full. ``latest`` gives
    the newest of all. ``resample`` spreads its choice evenly over all that has come since the last
    one, so motion stays even where the session is slower than the source.

    One thread puts, one takes; ``close`` may come from any.
    """

    def __init__(self, policy: ClockPolicy) -> None:
        self.policy = policy
        self.dropped = 0
        self._items: deque[Item] = deque()
        self._wanted = 1
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def put(self, item: Item) -> bool:
        """Add a picture; False once closed. Only ``every_frame`` waits for room."""
        with self._changed:
            if self.policy == "every_frame":
                self._changed.wait_for(lambda: self._closed or len(self._items) < self._capacity)
            if self._closed:
                return False
            if len(self._items) >= self._capacity:
                self._items.popleft()
                self.dropped += 1
            self._items.append(item)
            self._changed.notify_all()
            return True

    def take(self, count: int, timeout: float) -> list[Item]:
        """``count`` pictures in order, fewer where no more have come after ``timeout`` seconds."""
        with self._changed:
            self._wanted = count
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._closed or len(self._items) >= count, timeout)
            items = self._choose(count)
            self._changed.notify_all()
            return items

    def close(self) -> None:
        """End all waiting; what is queued can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget what is queued."""
        with self._changed:
            self._items.clear()

    @property
    def _capacity(self) -> int:
        extra = {"latest": 0, "resample": SPAN}.get(self.policy, QUEUE)
        return self._wanted + extra

    def _choose(self, count: int) -> list[Item]:
        present = len(self._items)
        if self.policy in ("every_frame", "drop_oldest") or present <= count:
            return [self._items.popleft() for _ in range(min(count, present))]
        items = list(self._items)
        self._items.clear()
        self.dropped += present - count
        if self.policy == "latest":
            return items[-count:]
        # The last one is always among them: it is what the viewer should see now.
        return [items[(index + 1) * present // count - 1] for index in range(count)]

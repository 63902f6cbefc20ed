"""How much may come from one side in a second."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

KEYS = 256
"""Sides that are counted; the one that was quiet the longest is forgotten first."""


class RateLimit:
    """Counts messages in windows of one second.

    Args:
        limit: messages a window lets through.
        clock: seconds, monotonic.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._since = clock()
        self._count = 0

    def admit(self) -> bool:
        """Whether the message that came now is within the limit."""
        now = self._clock()
        if now - self._since >= 1:
            self._since, self._count = now, 0
        self._count += 1
        return self._count <= self._limit

    @property
    def flooded(self) -> bool:
        """Whether this second has seen so many messages that no page in good order sends them."""
        return self._count > 10 * self._limit

    @property
    def just_exceeded(self) -> bool:
        """Whether the last message was the first one over the limit in its window."""
        return self._count == self._limit + 1


class KeyedRateLimit:
    """A ``RateLimit`` for each key, such as an address or a session.

    Args:
        limit: messages a second for each key.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rates: OrderedDict[str, RateLimit] = OrderedDict()

    def admit(self, key: str) -> bool:
        """Whether the message that came now is within its key's limit."""
        rate = self._rates.setdefault(key, RateLimit(self._limit))
        self._rates.move_to_end(key)
        while len(self._rates) > KEYS:
            self._rates.popitem(last=False)
        return rate.admit()

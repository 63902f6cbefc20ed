"""How many pages stay at one place at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

MOST_PAGES = 16
"""Websockets to one session, and viewers of one share link."""


class ConnectionLimit:
    """Counts pages that stay for a while."""

    def __init__(self) -> None:
        self._present: Counter[str] = Counter()

    @contextmanager
    def stay(self, place: str) -> Iterator[None]:
        """Count a page inside the ``with`` block; raise 429 where there are too many."""
        if self._present[place] >= MOST_PAGES:
            raise web.HTTPTooManyRequests(text=f"{MOST_PAGES} pages look at this already: close one.")
        self._present[place] += 1
        try:
            yield
        finally:
            self._present[place] -= 1
            if not self._present[place]:
                del self._present[place]

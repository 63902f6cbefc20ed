"""Who may talk to a session: pages of this ComfyUI, with the session's token."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from urllib.parse import urlsplit

from aiohttp import web

from .rate_limit import RateLimit

PAGE_HEADER = "X-LiveStyle"
"""A header of our own: another site's page can't send it without asking first, and is refused."""


def refuse_foreign(request: web.Request) -> None:
    """Raise 403 where a page of another site asks; programs, which send no Origin, may."""
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("same-origin", "none"):
        return
    origin = request.headers.get("Origin")
    foreign = (
        origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower()
    )
    if foreign or site is not None:
        raise web.HTTPForbidden(text="This address is for pages of the same ComfyUI only.")


def refuse_headerless(request: web.Request) -> None:
    """Raise 403 without the page header."""
    if request.headers.get(PAGE_HEADER) != "1":
        raise web.HTTPForbidden(text=f"Send the header '{PAGE_HEADER}: 1'.")


def refuse_wrong_token(given: object, expected: str) -> None:
    """Raise 401 unless ``given`` is the session's token."""
    if not isinstance(given, str) or not secrets.compare_digest(given.encode(), expected.encode()):
        raise web.HTTPUnauthorized(text="The session's token is missing or wrong.")


REQUESTS = 50
"""Requests a second that one address may make."""

ADDRESSES = 256
"""Addresses whose requests are counted; the one that was quiet the longest is forgotten first."""


class Gate:
    """Turns away who asks too often."""

    def __init__(self, limit: int = REQUESTS) -> None:
        self._limit = limit
        self._rates: OrderedDict[str | None, RateLimit] = OrderedDict()

    def admit(self, request: web.Request) -> None:
        """Raise 429 where this address has used up the second."""
        rate = self._rates.setdefault(request.remote, RateLimit(self._limit))
        self._rates.move_to_end(request.remote)
        while len(self._rates) > ADDRESSES:
            self._rates.popitem(last=False)
        if not rate.admit():
            raise web.HTTPTooManyRequests(
                text="Too many requests: wait a second.", headers={"Retry-After": "1"}
            )

"""Which requests are served: pages of this ComfyUI and programs, with the session's token, not too often."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from ..engine.runtime.registry import SessionRegistry
from ..engine.runtime.session import StreamSession
from .host_names import SETTING, HostNames
from .owners import is_owner
from .rate_limit import KeyedRateLimit
from .request_body import LARGEST_JSON, json_object
from .share_links import SharedNode, ShareLinks

PAGE_HEADER = "X-LiveStyle"
"""A header of our own: another site's page can't send it without asking first, and is refused."""

SECRET_HEADER = "X-LiveStyle-Client-Secret"
"""The secret that came with a client's prompts; shows that a session is the client's."""

SAME_SITE = ("same-origin", "none")
"""Values of ``Sec-Fetch-Site``: our own page asked, or the user typed the address."""

REQUESTS = 50
"""Requests a second for one session, one share link, one client with a session, or one other address."""


class RequestGuard:
    """Lets requests in, or raises the HTTP error that answers them.

    Foreign pages are refused before anything is counted, so they use up nobody's requests. A request that
    shows a right token, secret or key is counted for that one alone, so that users behind one proxy don't
    lock each other out; any other request is counted for the address it comes from.

    Args:
        sessions: of this process.
        links: check the keys of share links.
        hosts: names of this ComfyUI.
    """

    def __init__(self, sessions: SessionRegistry, links: ShareLinks, hosts: HostNames) -> None:
        self._sessions = sessions
        self._links = links
        self._hosts = hosts
        self._rates = KeyedRateLimit(REQUESTS)

    def page(self, request: web.Request) -> str:
        """A page of this ComfyUI, or a program, with the page header; gives its secret, or ``""``."""
        self._refuse_foreign(request)
        if request.headers.get(PAGE_HEADER) != "1":
            raise web.HTTPForbidden(text=f"Send the header '{PAGE_HEADER}: 1'.")
        secret = request.headers.get(SECRET_HEADER, "")
        owned = (session.id for session in self._sessions.running() if is_owner(session, secret))
        self._count(request, next(owned, None))
        return secret

    def session(self, request: web.Request) -> StreamSession:
        """The running session in the request's path, for whoever has its token in the query."""
        session = self._running(request)
        self._check_token(request, session, request.query.get("token"))
        return session

    async def command(
        self, request: web.Request, largest: int = LARGEST_JSON
    ) -> tuple[StreamSession, dict[str, Any]]:
        """The running session in the request's path, for whoever has its token in the body; and the body,
        which has at most ``largest`` bytes.
        """
        session = self._running(request)
        try:
            body = await json_object(request, largest)
        except web.HTTPException:
            self._count(request)
            raise
        self._check_token(request, session, body.get("token"))
        return session, body

    def shared(self, request: web.Request) -> SharedNode:
        """What the share link in the request's path shows."""
        self._refuse_foreign(request)
        key = request.match_info["key"]
        shared = self._links.read(key)
        self._count(request, key if shared else None)
        if shared is None:
            raise web.HTTPUnauthorized(text="This address is wrong: copy it from the node again.")
        return shared

    def _running(self, request: web.Request) -> StreamSession:
        self._refuse_foreign(request)
        session = self._sessions.get(request.match_info["id"])
        if session is None or session.wait(0):
            self._count(request)
            raise web.HTTPNotFound(text="There is no such session: it has ended.")
        return session

    def _check_token(self, request: web.Request, session: StreamSession, given: object) -> None:
        right = isinstance(given, str) and secrets.compare_digest(
            given.encode("utf-8", "surrogatepass"), session.token.encode()
        )
        self._count(request, session.id if right else None)
        if not right:
            raise web.HTTPUnauthorized(text="The session's token is missing or wrong.")

    def _count(self, request: web.Request, known: str | None = None) -> None:
        """Raise 429 where ``known`` or, without it, the request's address has used up the second."""
        if not self._rates.admit(f"address {request.remote}" if known is None else f"known {known}"):
            raise web.HTTPTooManyRequests(
                text="Too many requests: wait a second.", headers={"Retry-After": "1"}
            )

    def _refuse_foreign(self, request: web.Request) -> None:
        """Raise 403 where a page of another site sends the request; programs send no ``Origin``."""
        site, host = request.headers.get("Sec-Fetch-Site"), request.headers.get("Host", "").lower()
        other_origin = "Origin" in request.headers and _origin(request).netloc.lower() != host
        if other_origin if site is None else site not in SAME_SITE:
            raise web.HTTPForbidden(text="This address is for pages of the same ComfyUI only.")
        if not self._hosts.allows(host) and not _over_tls(request):
            raise web.HTTPForbidden(
                text=f"This ComfyUI has no name {host!a}: add it to the environment variable {SETTING}."
            )


def _origin(request: web.Request) -> SplitResult:
    try:
        return urlsplit(request.headers.get("Origin", ""))
    except ValueError:
        return urlsplit("null")


def _over_tls(request: web.Request) -> bool:
    """Whether a browser has seen a certificate for the name in ``Host``, such as a proxy's.

    Pages can set neither header: of an ``Origin`` that equals ``Host`` the scheme is known, and
    ``Sec-Fetch-Site`` is sent over HTTPS and to this machine only. A proxy adds the third one.
    """
    headers = request.headers
    return _origin(request).scheme == "https" or (
        headers.get("Sec-Fetch-Site") in SAME_SITE and headers.get("X-Forwarded-Proto", "").lower() == "https"
    )

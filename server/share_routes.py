"""Routes of share links: the link itself, its page, and its Motion JPEG stream."""

from __future__ import annotations

from aiohttp import web

from ..engine.runtime.registry import SessionRegistry
from .connection_limit import ConnectionLimit
from .mjpeg import serve_mjpeg
from .pages import NO_STORE, page
from .request_guard import RequestGuard
from .share_links import ShareLinks, session_finder

LONGEST_ID = 200
"""Letters of a node's or a client's id."""


class ShareRoutes:
    """The handlers.

    Args:
        sessions: of this process.
        links: make the links.
        guard: lets requests in.
        connections: counts viewers.
    """

    def __init__(
        self, sessions: SessionRegistry, links: ShareLinks, guard: RequestGuard, connections: ConnectionLimit
    ) -> None:
        self._sessions = sessions
        self._links = links
        self._guard = guard
        self._connections = connections

    async def link(self, request: web.Request) -> web.Response:
        """The share link of node ``node`` in the sessions of ``client``, now and later."""
        self._guard.page(request)
        path = self._links.path(_id_in(request, "node"), _id_in(request, "client"))
        return web.json_response({"path": path}, headers=NO_STORE)

    async def page(self, request: web.Request) -> web.Response:
        """A page with nothing but the picture, for OBS."""
        self._guard.shared(request)
        return page("share_mjpeg")

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The picture as Motion JPEG, from Run to Run."""
        shared = self._guard.shared(request)
        with self._connections.stay(f"watch {shared}"):
            return await serve_mjpeg(request, session_finder(self._sessions, self._links, shared))


def _id_in(request: web.Request, name: str) -> str:
    """The id of a node or client in a request's query."""
    given = request.query.get(name, "")
    if not 0 < len(given) <= LONGEST_ID or not given.isprintable():
        raise web.HTTPBadRequest(text=f"{name} must be the id of a {name}.")
    return given

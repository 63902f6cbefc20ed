"""Signalling for WebRTC: a page posts its offer and gets the answer; without the extra, how to install it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..engine.errors import MediaError, SettingError
from ..engine.media.live.extras import extra
from ..engine.runtime.registry import SessionRegistry
from .connection_limit import ConnectionLimit
from .json_fields import text_field
from .pages import page
from .request_body import json_object
from .request_guard import RequestGuard
from .share_links import ShareLinks, session_finder

if TYPE_CHECKING:
    from .webrtc import Peer


class WebRtcRoutes:
    """The handlers.

    Args:
        sessions: of this process.
        links: tell what a share link shows.
        guard: lets requests in.
        connections: counts connections.
    """

    def __init__(
        self, sessions: SessionRegistry, links: ShareLinks, guard: RequestGuard, connections: ConnectionLimit
    ) -> None:
        self._sessions = sessions
        self._links = links
        self._guard = guard
        self._connections = connections

    async def camera(self, request: web.Request) -> web.Response:
        """Take a page's camera or screen for a read node: ``token``, ``node``, ``sdp``."""
        session, body = await self._guard.command(request)
        try:
            node = text_field(body, "node")
            inbox = session.inboxes.get(node)
            if inbox is None:
                raise SettingError(f"Node {node} takes no pictures from a page.")
            offer = _offer(body)
            peer = await self._peer(f"camera {session.id}")
            return web.json_response({"sdp": await peer.receive(offer, inbox)})
        except SettingError as error:
            raise web.HTTPBadRequest(text=str(error)) from None

    async def page(self, request: web.Request) -> web.Response:
        """A page with nothing but the picture of a share link, as video."""
        self._guard.shared(request)
        return page("share_webrtc")

    async def share(self, request: web.Request) -> web.Response:
        """Send the picture of a share link, from Run to Run: ``sdp``."""
        shared = self._guard.shared(request)
        body = await json_object(request)
        try:
            offer = _offer(body)
            peer = await self._peer(f"watch {shared}")
            find = session_finder(self._sessions, self._links, shared)
            return web.json_response({"sdp": await peer.send(offer, find)})
        except SettingError as error:
            raise web.HTTPBadRequest(text=str(error)) from None

    async def _peer(self, place: str) -> Peer:
        """A connection that is counted at a place for as long as it lasts."""
        try:
            make = await asyncio.to_thread(_peer_class)
        except MediaError as error:
            raise web.HTTPNotImplemented(text=str(error)) from None
        stay = ExitStack()
        stay.enter_context(self._connections.stay(place))
        return make(stay.close)


def _peer_class() -> type[Peer]:
    """``Peer``; the first import of its package takes long enough to hold up the event loop.

    Raises:
        MediaError: the package is missing.
    """
    extra("aiortc")
    from .webrtc import Peer

    return Peer


def _offer(body: dict[str, Any]) -> str:
    """The text of an offer; how long a body may be is what bounds it."""
    offer = body.get("sdp")
    if not isinstance(offer, str):
        raise SettingError("sdp must be text.")
    return offer

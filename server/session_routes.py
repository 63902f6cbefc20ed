"""Routes of a session: the list, Stop, snapshots and the websocket."""

from __future__ import annotations

from aiohttp import web

from ..engine.runtime.registry import SessionRegistry
from .actions import Actions
from .connection_limit import ConnectionLimit
from .live_socket import serve_websocket
from .owners import is_owner, owner_of
from .pages import NO_STORE
from .request_guard import RequestGuard
from .session_events import describe, files_of


class SessionRoutes:
    """The handlers; they run on the server's event loop and never block.

    Args:
        sessions: of this process.
        guard: lets requests in.
        connections: counts websockets.
        actions: what may be done beside setting values.
    """

    def __init__(
        self, sessions: SessionRegistry, guard: RequestGuard, connections: ConnectionLimit, actions: Actions
    ) -> None:
        self._sessions = sessions
        self._guard = guard
        self._connections = connections
        self._actions = actions

    async def list_sessions(self, request: web.Request) -> web.Response:
        """Sessions that run now; with ``client`` those that it queued. Their owner gets their tokens.

        Under ``ended`` the owner finds what has played in the background lately, with its files.
        """
        secret, client = self._guard.page(request), request.query.get("client")
        listed = [
            describe(session, token=is_owner(session, secret))
            for session in self._sessions.running()
            if client is None or client == owner_of(session).client
        ]
        ended = [
            {**describe(session), "files": files_of(session, self._actions.files.view_of)}
            for session in self._sessions.ended()
            if session.background and is_owner(session, secret)
        ]
        return web.json_response({"sessions": listed, "ended": ended}, headers=NO_STORE)

    async def stop(self, request: web.Request) -> web.Response:
        """End the source; what was decoded is finished and the graph goes on."""
        session, _ = await self._guard.command(request)
        return web.json_response(await self._actions.fire(session, "stop"))

    async def snapshot(self, request: web.Request) -> web.Response:
        """Keep the picture that is shown now, at full size."""
        session, _ = await self._guard.command(request)
        return web.json_response(await self._actions.fire(session, "snapshot"))

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Preview, receipts, live changes, and pictures from a page's camera."""
        session = self._guard.session(request)
        with self._connections.stay(session.id):
            return await serve_websocket(request, session, self._actions.files.view_of)

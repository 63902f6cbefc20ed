"""The pack's HTTP routes, all below /livestyle; nothing here imports ComfyUI."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from ..engine.runtime.registry import SessionRegistry
from ..engine.runtime.session import StreamSession
from .access import refuse_foreign, refuse_headerless, refuse_wrong_token
from .announce import client_of, describe
from .live_socket import serve_websocket
from .messages import LARGEST


class Routes:
    """The handlers; they run on the server's event loop and never block."""

    def __init__(self, sessions: SessionRegistry) -> None:
        self._sessions = sessions

    async def list_sessions(self, request: web.Request) -> web.Response:
        """Sessions that run now; with ``client``, those which that client queued."""
        refuse_foreign(request)
        refuse_headerless(request)
        client = request.query.get("client")
        running = [
            describe(session)
            for session in self._sessions.running()
            if client is None or client_of(session) == client
        ]
        return web.json_response({"sessions": running}, headers={"Cache-Control": "no-store"})

    async def stop(self, request: web.Request) -> web.Response:
        """End the source; what was decoded is finished and the graph goes on."""
        refuse_foreign(request)
        session = self._session(request)
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="Send application/json.")
        refuse_wrong_token(await _field(request, "token"), session.token)
        session.stop()
        return web.json_response({"state": session.state})

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Preview, receipts and live changes."""
        refuse_foreign(request)
        session = self._session(request)
        refuse_wrong_token(request.query.get("token"), session.token)
        return await serve_websocket(request, session)

    def _session(self, request: web.Request) -> StreamSession:
        session = self._sessions.get(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound(text="There is no such session: it has ended.")
        return session


async def _field(request: web.Request, name: str) -> Any:
    """A field of the JSON object in a small body.

    Raises:
        HTTPRequestEntityTooLarge, HTTPBadRequest
    """
    if (request.content_length or 0) > LARGEST:
        raise web.HTTPRequestEntityTooLarge(max_size=LARGEST, actual_size=request.content_length or 0)
    body = await request.content.read(LARGEST + 1)
    if len(body) > LARGEST:
        raise web.HTTPRequestEntityTooLarge(max_size=LARGEST, actual_size=len(body))
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="The body is not JSON.") from None
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="The body must be a JSON object.")
    return data.get(name)


def register_routes(table: web.RouteTableDef, sessions: SessionRegistry) -> None:
    """Add the routes to ComfyUI's table, at load time."""
    routes = Routes(sessions)
    table.get("/livestyle/sessions")(routes.list_sessions)
    table.post("/livestyle/sessions/{id}/stop")(routes.stop)
    table.get("/livestyle/sessions/{id}/ws")(routes.websocket)

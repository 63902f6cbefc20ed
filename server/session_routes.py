"""Routes of a session: the list, Stop, snapshots and the websocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from aiohttp import web

from ..engine.errors import LiveStyleError
from ..engine.runtime.registry import SessionRegistry
from .connection_limit import ConnectionLimit
from .live_socket import serve_websocket
from .owners import is_owner, owner_of
from .pages import NO_STORE
from .request_guard import RequestGuard
from .session_events import ViewOf, describe


@dataclass(frozen=True)
class Files:
    """What the routes need of ComfyUI's output folder.

    Attributes:
        save_picture: keeps uint8 RGB (H, W, 3) with text entries, and gives the file; called on a
            thread of its own, may raise OSError or LiveStyleError.
        view_of: a file as ComfyUI's ``/view`` names it.
    """

    save_picture: Callable[[np.ndarray, Mapping[str, str]], Path]
    view_of: ViewOf


class SessionRoutes:
    """The handlers; they run on the server's event loop and never block.

    Args:
        sessions: of this process.
        guard: lets requests in.
        connections: counts websockets.
        files: of this ComfyUI.
    """

    def __init__(
        self, sessions: SessionRegistry, guard: RequestGuard, connections: ConnectionLimit, files: Files
    ) -> None:
        self._sessions = sessions
        self._guard = guard
        self._connections = connections
        self._files = files
        self._saving: set[str] = set()

    async def list_sessions(self, request: web.Request) -> web.Response:
        """Sessions that run now; with ``client`` those that it queued. Their owner gets their tokens."""
        secret, client = self._guard.page(request), request.query.get("client")
        listed = [
            describe(session, token=is_owner(session, secret))
            for session in self._sessions.running()
            if client is None or client == owner_of(session).client
        ]
        return web.json_response({"sessions": listed}, headers=NO_STORE)

    async def stop(self, request: web.Request) -> web.Response:
        """End the source; what was decoded is finished and the graph goes on."""
        session, _ = await self._guard.command(request)
        session.stop()
        return web.json_response({"state": session.state})

    async def snapshot(self, request: web.Request) -> web.Response:
        """Keep the picture that is shown now, at full size."""
        session, _ = await self._guard.command(request)
        frame = session.preview.latest()
        if frame is None:
            raise web.HTTPConflict(text="There is no picture yet.")
        if session.id in self._saving:
            raise web.HTTPTooManyRequests(text="A snapshot is being saved: wait a moment.")
        self._saving.add(session.id)
        try:
            tags = owner_of(session).tags
            path = await asyncio.to_thread(self._files.save_picture, frame.pixels[0], tags)
        except (OSError, LiveStyleError) as error:
            raise web.HTTPInternalServerError(text=f"The snapshot can't be saved: {error}") from None
        finally:
            self._saving.discard(session.id)
        return web.json_response({"file": self._files.view_of(path), "frame": frame.index})

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Preview, receipts, live changes, and pictures from a page's camera."""
        session = self._guard.session(request)
        with self._connections.stay(session.id):
            return await serve_websocket(request, session, self._files.view_of)

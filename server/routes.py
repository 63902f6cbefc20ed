"""The pack's HTTP routes, all below /livestyle; nothing here imports ComfyUI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web

from ..engine.errors import LiveStyleError
from ..engine.runtime.registry import SessionRegistry
from ..engine.runtime.session import StreamSession
from .access import Gate, refuse_foreign, refuse_headerless, refuse_wrong_token
from .announce import client_of, describe, tags_of, takes_part
from .bodies import json_object
from .connection_limit import ConnectionLimit
from .live_socket import serve_websocket
from .mjpeg import serve_mjpeg
from .preview_feed import SessionOf
from .share_links import PAGE, Watched, WatchKeys
from .webrtc_routes import WebRtcRoutes

LONGEST_ID = 200
"""Letters of a node's or a client's id."""

NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Files:
    """What the routes need of ComfyUI's output folder.

    Attributes:
        save_picture: keeps uint8 RGB (H, W, 3) with text entries, and gives the file; called on a
            thread of its own, may raise OSError or LiveStyleError.
        view_of: a file as ComfyUI's ``/view`` names it.
    """

    save_picture: Callable[[np.ndarray, Mapping[str, str]], Path]
    view_of: Callable[[Path], Mapping[str, str]]


class Routes:
    """The handlers; they run on the server's event loop and never block.

    Args:
        sessions: of this process.
        keys: make the addresses at which a node's picture can be watched.
        files: of this ComfyUI.
    """

    def __init__(self, sessions: SessionRegistry, keys: WatchKeys, files: Files) -> None:
        self._sessions = sessions
        self._keys = keys
        self._files = files
        self._gate = Gate()
        self.connections = ConnectionLimit()
        self._saving: set[str] = set()

    async def list_sessions(self, request: web.Request) -> web.Response:
        """Sessions that run now; with ``client`` those that it queued, and only then their tokens."""
        self._admit_page(request)
        running, client = self._sessions.running(), request.query.get("client")
        if client is None:
            listed = [{**describe(session), "token": ""} for session in running]
        else:  # a page that has no id yet says ""
            listed = [describe(session) for session in running if client and client_of(session) == client]
        return web.json_response({"sessions": listed}, headers=NO_STORE)

    async def stop(self, request: web.Request) -> web.Response:
        """End the source; what was decoded is finished and the graph goes on."""
        session, _ = await self.command(request)
        session.stop()
        return web.json_response({"state": session.state})

    async def snapshot(self, request: web.Request) -> web.Response:
        """Keep the picture that is shown now, at full size."""
        session, _ = await self.command(request)
        frame = session.preview.latest()
        if frame is None:
            raise web.HTTPConflict(text="There is no picture yet.")
        if session.id in self._saving:
            raise web.HTTPTooManyRequests(text="A snapshot is being saved: wait a moment.")
        self._saving.add(session.id)
        try:
            path = await asyncio.to_thread(self._files.save_picture, frame.pixels[0], tags_of(session))
        except (OSError, LiveStyleError) as error:
            raise web.HTTPInternalServerError(text=f"The snapshot can't be saved: {error}") from None
        finally:
            self._saving.discard(session.id)
        return web.json_response({"file": self._files.view_of(path), "frame": frame.index})

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Preview, receipts, live changes, and pictures from a page's camera."""
        session = self.session(request)
        refuse_wrong_token(request.query.get("token"), session.token)
        with self.connections.stay(session.id):
            return await serve_websocket(request, session, self._files.view_of)

    async def watch_address(self, request: web.Request) -> web.Response:
        """Where the picture of node ``node`` can be watched whenever ``client`` runs it."""
        self._admit_page(request)
        path = self._keys.path(_id_in(request, "node"), _id_in(request, "client"))
        return web.json_response({"path": path}, headers=NO_STORE)

    async def watch(self, request: web.Request) -> web.Response:
        """A page with nothing but the picture, for OBS."""
        self.watched(request)
        return web.Response(text=PAGE, content_type="text/html", headers=NO_STORE)

    async def watch_stream(self, request: web.Request) -> web.StreamResponse:
        """The picture as Motion JPEG, from Run to Run."""
        watched = self.watched(request)
        with self.connections.stay(f"watch {watched}"):
            return await serve_mjpeg(request, self.session_of(watched))

    def session_of(self, watched: Watched) -> SessionOf:
        """Finds the session that a watched node takes part in now."""

        def session() -> StreamSession | None:
            running = self._sessions.running()
            return next((known for known in reversed(running) if self._shows(known, watched)), None)

        return session

    def _shows(self, session: StreamSession, watched: Watched) -> bool:
        client = client_of(session)
        owned = client is not None and self._keys.mark(client) == watched.owner
        return owned and takes_part(session, watched.node_id)

    def _admit(self, request: web.Request) -> None:
        self._gate.admit(request)
        refuse_foreign(request)

    def _admit_page(self, request: web.Request) -> None:
        self._admit(request)
        refuse_headerless(request)

    def session(self, request: web.Request) -> StreamSession:
        """The session that a request is about; whoever asks has not shown its token yet."""
        self._admit(request)
        session = self._sessions.get(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound(text="There is no such session: it has ended.")
        return session

    async def command(self, request: web.Request) -> tuple[StreamSession, dict[str, Any]]:
        """The session that a request with its token is about, and what else the request says."""
        session = self.session(request)
        said = await json_object(request)
        refuse_wrong_token(said.get("token"), session.token)
        return session, said

    def watched(self, request: web.Request) -> Watched:
        """What the key in the request's address shows."""
        self._admit(request)
        watched = self._keys.watched(request.match_info["key"])
        if watched is None:
            raise web.HTTPUnauthorized(text="This address is wrong: copy it from the node again.")
        return watched


def _id_in(request: web.Request, name: str) -> str:
    """The id of a node or client in a request's query."""
    said = request.query.get(name, "")
    if not 0 < len(said) <= LONGEST_ID:
        raise web.HTTPBadRequest(text=f"{name} must be the id of a {name}.")
    return said


def register_routes(
    table: web.RouteTableDef, sessions: SessionRegistry, keys: WatchKeys, files: Files
) -> None:
    """Add the routes to ComfyUI's table, at load time."""
    routes = Routes(sessions, keys, files)
    table.get("/livestyle/sessions")(routes.list_sessions)
    table.post("/livestyle/sessions/{id}/stop")(routes.stop)
    table.post("/livestyle/sessions/{id}/snapshot")(routes.snapshot)
    table.get("/livestyle/sessions/{id}/ws")(routes.websocket)
    table.get("/livestyle/watch")(routes.watch_address)
    table.get("/livestyle/watch/{key}")(routes.watch)
    table.get("/livestyle/watch/{key}/stream.mjpg")(routes.watch_stream)
    webrtc = WebRtcRoutes(routes)
    table.post("/livestyle/sessions/{id}/webrtc")(webrtc.camera)
    table.get("/livestyle/watch/{key}/webrtc")(webrtc.page)
    table.post("/livestyle/watch/{key}/webrtc")(webrtc.watch)

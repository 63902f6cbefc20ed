"""Routes with which a page lets OSC in, has a fader taught, and lists the addresses."""

from __future__ import annotations

from aiohttp import web

from ..engine.errors import LiveStyleError, MediaError, SettingError
from .addresses import controls_of, warnings_of
from .json_fields import whole_field
from .osc_bindings import parse_learned, shared_addresses
from .osc_desk import OscDesk
from .owners import hash_secret
from .pages import NO_STORE, page
from .request_body import json_object
from .request_guard import SECRET_HEADER, RequestGuard

LEARN_S = 30.0
"""How long a fader is waited for."""


class OscRoutes:
    """The handlers; each tab or program lets OSC in to its own sessions, which its secret shows.

    Args:
        guard: lets requests in.
        desk: what OSC messages do.
    """

    def __init__(self, guard: RequestGuard, desk: OscDesk) -> None:
        self._guard = guard
        self._desk = desk

    async def read(self, request: web.Request) -> web.Response:
        """The port, and every address with its range and present value."""
        owner, desk = self._owner(request), self._desk
        learned, sessions = desk.learned(owner), desk.sessions_of(owner)
        described = {
            "host": desk.host,
            "port": desk.port,
            "controls": [
                {**each.as_json(), "learned": learned.get(each.parameter.key)}
                for session in sessions
                for each in controls_of(session)
            ],
            "subscribers": desk.feedback.subscribers,
            "warnings": [
                *(line for session in sessions for line in warnings_of(session)),
                *shared_addresses(learned),
            ],
            "problems": list(desk.problems),
        }
        return web.json_response(described, headers=NO_STORE)

    async def write(self, request: web.Request) -> web.Response:
        """Receive OSC at a port, with what the faders were taught; port 0 ends that."""
        owner = self._owner(request)
        body = await json_object(request)
        try:
            port = whole_field(body, "port", 0, 65535)
            learned = parse_learned(body.get("learned", {}))
            if 0 < port < 1024:
                raise SettingError("port must be 0, or from 1024 to 65535.")
            if port:
                await self._desk.admit(owner, port, learned)
            else:
                self._desk.dismiss(owner)
        except MediaError as error:
            raise web.HTTPNotImplemented(text=str(error)) from None
        except LiveStyleError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response({"port": self._desk.port})

    async def learn(self, request: web.Request) -> web.Response:
        """Wait for a fader to be moved, and give its address; null where none was."""
        owner = self._owner(request)
        address = await self._desk.learn(owner, LEARN_S)
        return web.json_response({"address": address})

    async def page(self, request: web.Request) -> web.Response:
        """The page that lists the addresses of the tab that opened it."""
        return page("osc")

    def _owner(self, request: web.Request) -> str:
        secret = self._guard.page(request)
        if not secret:
            raise web.HTTPUnauthorized(
                text=f"Send {SECRET_HEADER}: OSC moves the sessions of whoever has it."
            )
        return hash_secret(secret)

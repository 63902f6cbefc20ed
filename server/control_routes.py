"""Routes for show control: a session's live values, actions and presets, with its token."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from ..engine.errors import SettingError
from ..engine.runtime.glide import LONGEST_FADE_S
from ..engine.runtime.session import StreamSession
from .actions import ACTIONS, Actions
from .addresses import controls_of, keys_of, warnings_of
from .json_fields import flag_field, number_field, recall_fields
from .modulators import parse_modulators, set_modulators
from .pages import NO_STORE
from .preset_bank import LARGEST_BANK, Bank, bank_json, bank_of, find_preset, parse_bank, set_bank
from .request_body import json_object
from .request_guard import RequestGuard


class ControlRoutes:
    """The handlers.

    Args:
        guard: lets requests in.
        actions: what may be fired.
    """

    def __init__(self, guard: RequestGuard, actions: Actions) -> None:
        self._guard = guard
        self._actions = actions

    async def read(self, request: web.Request) -> web.Response:
        """Every live value with its address, bounds and present value, and the names of the presets."""
        session = self._guard.session(request)
        described = {
            "state": session.state,
            "controls": [each.as_json() for each in controls_of(session)],
            "modulators": {key: asdict(each) for key, each in session.store.modulators().items()},
            "presets": [preset.name for preset in bank_of(session).presets],
            "cues": session.store.cues.status(),
            "warnings": warnings_of(session),
        }
        return web.json_response(described, headers=NO_STORE)

    async def write(self, request: web.Request) -> web.Response:
        """Recall a preset, set values and modulators, fire an action: what the body has, in this order."""
        session, body = await self._guard.command(request)
        refused: dict[str, str] = {}
        try:
            action = body.get("action")
            if action is not None and action not in ACTIONS:
                raise SettingError(f"action must be one of {', '.join(ACTIONS)}.")
            on = flag_field({"on": True, **body}, "on")
            modulators = parse_modulators(body.get("modulators", {}))
            if "preset" in body:
                refused |= _recall(session, body)
            if "values" in body:
                refused |= _set(session, body)
            refused |= set_modulators(session, modulators)
        except SettingError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        done = await self._actions.fire(session, action, on) if action else {}
        return web.json_response({"state": session.state, "refused": refused, **done})

    async def presets(self, request: web.Request) -> web.Response:
        """Give the running session its presets."""
        session, body = await self._guard.command(request, LARGEST_BANK)
        set_bank(session, _bank(body.get("bank")))
        return web.json_response({"presets": len(bank_of(session).presets)})

    async def check_presets(self, request: web.Request) -> web.Response:
        """A file of presets as this version understands it."""
        self._guard.page(request)
        return web.json_response(bank_json(_bank(await json_object(request, LARGEST_BANK))))


def _recall(session: StreamSession, body: dict[str, Any]) -> dict[str, str]:
    preset = find_preset(session, body["preset"])
    fade = number_field({"fade": preset.fade, **body}, "fade", 0, LONGEST_FADE_S)
    return session.store.recall(preset.values, fade)[1]


def _set(session: StreamSession, body: dict[str, Any]) -> dict[str, str]:
    """Values may be named by key or by address."""
    keys = keys_of(session)
    values, fade = recall_fields(body)
    return session.store.recall({keys.get(name, name): value for name, value in values.items()}, fade)[1]


def _bank(data: Any) -> Bank:
    try:
        return parse_bank(data)
    except SettingError as error:
        raise web.HTTPBadRequest(text=str(error)) from None

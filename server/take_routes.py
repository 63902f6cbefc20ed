"""Routes of the timeline on the node: a take as JSON, and an edited one beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from ..engine.errors import LiveStyleError, SettingError
from ..engine.takes.lines import change_fields
from ..engine.takes.take import SUFFIX, Take, load_take, take_of
from .actions import Files
from .json_fields import text_field, whole_field
from .pages import NO_STORE
from .request_body import json_object
from .request_guard import RequestGuard

LARGEST_EDIT = 16 * 1024 * 1024
"""Bytes of an edited take's JSON."""

MOST_COPIES = 1000


class TakeRoutes:
    """The handlers.

    Args:
        guard: lets requests in.
        files: of this ComfyUI.
    """

    def __init__(self, guard: RequestGuard, files: Files) -> None:
        self._guard = guard
        self._files = files

    async def read(self, request: web.Request) -> web.Response:
        """A take, without the graph that it was made with."""
        self._guard.page(request)
        _, take = await self._load(request.query.get("file", ""))
        header = {name: value for name, value in take.header.items() if name != "graph"}
        changes = [change_fields(change) for change in take.changes()]
        return web.json_response({**header, "changes": changes, "end": take.end}, headers=NO_STORE)

    async def write(self, request: web.Request) -> web.Response:
        """Keep an edited take beside the one that it was made of, which stays."""
        self._guard.page(request)
        body = await json_object(request, LARGEST_EDIT)
        try:
            path, take = await self._load(text_field(body, "file"))
            edited = await asyncio.to_thread(_edited, take, body)
            kept = await asyncio.to_thread(self._keep, path, edited)
        except SettingError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response({"file": self._files.view_of(kept)})

    async def _load(self, name: str) -> tuple[Path, Take]:
        try:
            if not name.removesuffix(" [output]").endswith(SUFFIX):
                raise SettingError(f"This is no take: choose a file that ends with {SUFFIX}.")
            path = Path(self._files.locate(name))
            return path, await asyncio.to_thread(load_take, path)
        except LiveStyleError as error:
            raise web.HTTPBadRequest(text=str(error)) from None

    def _keep(self, path: Path, take: Take) -> Path:
        try:
            self._files.view_of(path)
        except ValueError:
            raise SettingError("Only a take in ComfyUI's output folder can be edited: copy it.") from None
        stem = path.name.removesuffix(SUFFIX).partition("_edit")[0]
        for number in range(1, MOST_COPIES):
            copy = path.with_name(f"{stem}_edit{number}{SUFFIX}")
            try:
                with copy.open("x", encoding="utf-8", newline="\n") as file:
                    file.writelines(f"{line}\n" for line in take.lines())
            except FileExistsError:
                continue
            except OSError as error:
                raise SettingError(f"{copy.name} can't be written ({error.strerror}).") from None
            return copy
        raise SettingError(f"{stem} has {MOST_COPIES} edits: delete some.")


def _edited(take: Take, body: dict[str, Any]) -> Take:
    """The take with what the page may change: its changes, its start values, and where it begins and ends."""
    changes, values = body.get("changes"), body.get("values")
    if not isinstance(changes, list) or not all(isinstance(each, dict) for each in changes):
        raise SettingError("changes must be a list of objects.")
    if not isinstance(values, dict) or not values.keys() <= take.header["values"].keys():
        raise SettingError("values must be an object of settings that the take has.")
    header = {**take.header, "values": {**take.header["values"], **values}}
    header["first"] = whole_field({"first": take.first, **body}, "first", 0, 10**9)
    end = body.get("end")
    return take_of(header, changes, None if end is None else whole_field(body, "end", 1, 10**9))

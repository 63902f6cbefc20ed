"""What a page, a controller or show control may have a session do beside setting its live values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from aiohttp import web

from ..engine.errors import LiveStyleError, SettingError
from ..engine.runtime.session import StreamSession
from .owners import owner_of
from .session_events import ViewOf

Action = Literal["stop", "snapshot", "record", "pause", "step", "go", "back", "hold"]
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Files:
    """What the routes need of ComfyUI's folders.

    Attributes:
        save_picture: keeps uint8 RGB (H, W, 3) with text entries, and gives the file; called on a
            thread of its own, may raise OSError or LiveStyleError.
        view_of: a file as ComfyUI's ``/view`` names it; raises ValueError outside the output folder.
        locate: absolute path of a name in ComfyUI's folders; raises MediaError for any other.
    """

    save_picture: Callable[[np.ndarray, Mapping[str, str]], Path]
    view_of: ViewOf
    locate: Callable[[str], str]


class Actions:
    """Fires actions; on the server's event loop.

    Args:
        files: of this ComfyUI.
    """

    def __init__(self, files: Files) -> None:
        self.files = files
        self._saving: set[str] = set()

    async def fire(self, session: StreamSession, action: Action, on: bool = True) -> dict[str, Any]:
        """Do it, and tell what has come of it as JSON.

        ``stop`` ends the source: what was decoded is finished and the graph goes on. ``snapshot`` keeps the
        picture that is shown now, at full size. ``record`` begins or ends a file while the stream goes on.
        ``pause`` has the stream stand still or go on, ``step`` go on by a chunk and stand still.
        ``go`` plays the next cue and ``back`` the one before, ``hold`` has cues wait that go by themselves.

        Args:
            on: of ``record``: whether there shall be a file; of ``pause``: whether it shall stand still; of
                ``hold``: whether cues shall wait.

        Raises:
            HTTPConflict: there is no picture yet, nothing that records, or no such cue.
            HTTPTooManyRequests: a snapshot is still being saved.
            HTTPInternalServerError: it can't be saved.
        """
        match action:
            case "stop":
                session.stop()
            case "snapshot":
                return await self._snapshot(session)
            case "pause":
                session.pause(on)
            case "step":
                session.step()
            case "go" | "back":
                try:
                    session.store.go(1 if action == "go" else -1)
                except SettingError as error:
                    raise web.HTTPConflict(text=str(error)) from None
            case "hold":
                session.store.hold(on)
            case "record":
                if not session.recorders:
                    raise web.HTTPConflict(text="Nothing records: set target on FrameStreamIO to file.")
                for switch in session.recorders.values():
                    switch.set(on)
        return {"state": session.state}

    async def _snapshot(self, session: StreamSession) -> dict[str, Any]:
        frame = session.preview.latest()
        if frame is None:
            raise web.HTTPConflict(text="There is no picture yet.")
        if session.id in self._saving:
            raise web.HTTPTooManyRequests(text="A snapshot is being saved: wait a moment.")
        self._saving.add(session.id)
        try:
            tags = owner_of(session).tags
            path = await asyncio.to_thread(self.files.save_picture, frame.pixels[0], tags)
        except (OSError, LiveStyleError) as error:
            raise web.HTTPInternalServerError(text=f"The snapshot can't be saved: {error}") from None
        finally:
            self._saving.discard(session.id)
        return {"file": self.files.view_of(path), "frame": frame.index}

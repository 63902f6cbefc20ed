"""A session as JSON, and the event that tells the client of its start and of its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..engine.media.types import SinkResult
from ..engine.runtime.session import StreamSession
from ..engine.takes.take import SUFFIX
from .owners import owner_of

EVENT = "livestyle.session"

Send = Callable[[str, Mapping[str, Any]], None]
ViewOf = Callable[[Path], Mapping[str, str]]
"""Names a file as ComfyUI's ``/view`` route does."""


def describe(session: StreamSession, token: bool = False) -> dict[str, Any]:
    """A session as JSON.

    Args:
        token: with the session's token, unless the session has ended.
    """
    return {
        "session": session.id,
        "token": session.token if token and not session.wait(0) else "",
        "node": session.node_id,
        "nodes": list(owner_of(session).nodes),
        "state": session.state,
        "live": list(session.store.snapshot()),
        "inlets": {node: inbox.kind for node, inbox in session.inboxes.items()},
        "recorders": list(session.recorders),
        "error": "" if session.error is None else str(session.error),
        **_of_list(session),
    }


def _of_list(session: StreamSession) -> dict[str, Any]:
    """What a list of sessions shows of one."""
    owner, progress = owner_of(session), session.progress
    return {
        "title": owner.titles.get(session.node_id, ""),
        "workflow": owner.workflow,
        "background": session.background,
        "since": round(session.since, 3),
        "frames": progress.done,
        "fps": round(progress.fps, 2),
        "memory": session.memory,
    }


def files_of(session: StreamSession, view_of: ViewOf) -> dict[str, dict[str, Any]]:
    """The files that an ended session has left, by the node that wrote them."""
    entries = {node_id: file_entry(result, view_of) for node_id, result in session.results.items()}
    return {node_id: entry for node_id, entry in entries.items() if entry is not None}


def file_entry(result: SinkResult, view_of: ViewOf) -> dict[str, Any] | None:
    """A written file as ComfyUI's history lists it; None where nothing playable was written."""
    if result.path is None:
        return None
    entry = {
        **view_of(result.path),
        "format": "video/mp4",
        "frames": result.frames,
        "complete": result.complete,
    }
    take = result.path.with_suffix(SUFFIX)
    return {**entry, "take": view_of(take)} if take.exists() else entry


def send_session_event(session: StreamSession, send: Send, view_of: ViewOf) -> None:
    """Tell the client that queued the prompt of a session's state and, at its end, of its files.

    The token goes along only where the prompt came without a secret: ComfyUI sends the event to
    whoever connects with the client's id, and ``/queue`` shows that id.
    """
    shown = describe(session, token=not owner_of(session).secret_hash)
    send(EVENT, {**shown, "files": files_of(session, view_of)})

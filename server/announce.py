"""What pages are told of a session: on the node that runs it, and to a page that was reloaded."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.media.sinks import SinkSpec
from ..engine.media.types import SinkResult
from ..engine.runtime.plan import PlanNode, Stylise, Write
from ..engine.runtime.session import StreamSession

EVENT = "livestyle.session"

Send = Callable[[str, Mapping[str, Any]], None]
ViewOf = Callable[[Path], Mapping[str, str]]


@dataclass(frozen=True)
class Owner:
    """Who started a session.

    Attributes:
        client: that queued the prompt.
        nodes: that take part.
        tags: prompt and workflow as text entries of a file.
    """

    client: str | None
    nodes: tuple[str, ...]
    tags: Mapping[str, str]


_owners: weakref.WeakKeyDictionary[StreamSession, Owner] = weakref.WeakKeyDictionary()


def own(session: StreamSession, plan: PlanNode, client: str | None) -> None:
    """Remember who started a session, for as long as it is known."""
    nodes = [node_id for node in plan.walk() for node_id in _node_ids(node)]
    files = (node.operation.sink for node in plan.walk() if isinstance(node.operation, Write))
    tags = next((dict(sink.metadata) for sink in files if isinstance(sink, SinkSpec)), {})
    _owners[session] = Owner(client, tuple(dict.fromkeys(nodes)), tags)


def _node_ids(node: PlanNode) -> tuple[str, ...]:
    """The nodes behind a step of the plan: its own, and those of its model, adapters and instruction."""
    if isinstance(node.operation, Stylise):
        model = node.operation.model
        adapters = (adapter.node_id for adapter in model.patches)
        return node.node_id, model.node_id, *adapters, node.operation.conditioning.node_id
    return (node.node_id,)


def client_of(session: StreamSession) -> str | None:
    """The client that queued the prompt, or None."""
    owner = _owners.get(session)
    return owner.client if owner else None


def takes_part(session: StreamSession, node_id: str) -> bool:
    """Whether a node belongs to a session."""
    owner = _owners.get(session)
    return owner is not None and node_id in owner.nodes


def tags_of(session: StreamSession) -> Mapping[str, str]:
    """What a file of the session carries: prompt and workflow."""
    owner = _owners.get(session)
    return owner.tags if owner else {}


def describe(session: StreamSession) -> dict[str, Any]:
    """A session as JSON; without its token once it is over.

    ``inboxes`` says which read nodes want a page's ``camera`` or ``screen``.
    """
    owner = _owners.get(session)
    return {
        "session": session.id,
        "token": "" if session.wait(0) else session.token,
        "node": session.node_id,
        "nodes": list(owner.nodes) if owner else [session.node_id],
        "state": session.state,
        "live": list(session.store.snapshot()),
        "inlets": {node: inbox.kind for node, inbox in session.inboxes.items()},
        "recorders": list(session.recorders),
        "error": "" if session.error is None else str(session.error),
    }


def file_entry(result: SinkResult, view_of: ViewOf) -> dict[str, Any] | None:
    """A written file as ComfyUI's history lists it; None where nothing playable was written."""
    if result.path is None:
        return None
    return {
        **view_of(result.path),
        "format": "video/mp4",
        "frames": result.frames,
        "complete": result.complete,
    }


def announce(session: StreamSession, send: Send, view_of: ViewOf) -> None:
    """Tell the page that queued the prompt of a session's state and, at its end, of its files."""
    entries = {node_id: file_entry(result, view_of) for node_id, result in session.results.items()}
    files = {node_id: entry for node_id, entry in entries.items() if entry is not None}
    send(EVENT, {**describe(session), "files": files})

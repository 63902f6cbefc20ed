"""Who started a session, and which nodes take part in it."""

from __future__ import annotations

import hashlib
import secrets
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.media.sinks import SinkSpec
from ..engine.runtime.plan import PlanNode, Stylise, Write
from ..engine.runtime.session import StreamSession

SECRET_FIELD = "livestyle_client_secret"
"""Of a prompt's ``extra_data``: a secret that the browser tab or program keeps to itself."""

OWNER_FIELD = "livestyle_owner"
"""What takes its place before the prompt is queued: the secret's hash. ``/queue`` shows it to everyone."""


@dataclass(frozen=True)
class Owner:
    """Who started a session.

    Attributes:
        client: the id of the ComfyUI client that queued the prompt; ``/queue`` shows it to everyone.
        secret_hash: of the secret that came with the prompt; empty where none did.
        nodes: that take part.
        tags: prompt and workflow as text entries of a file.
        titles: of the nodes, by id.
        workflow: id of the workflow that the prompt was made of, if any.
    """

    client: str | None
    secret_hash: str
    nodes: tuple[str, ...]
    tags: Mapping[str, str]
    titles: Mapping[str, str]
    workflow: str = ""


_owners: weakref.WeakKeyDictionary[StreamSession, Owner] = weakref.WeakKeyDictionary()


def set_owner(
    session: StreamSession,
    plan: PlanNode,
    client: str | None,
    secret_hash: str = "",
    titles: Mapping[str, str] | None = None,
    workflow: str = "",
) -> None:
    """Remember who started a session, for as long as the session is known."""
    nodes = [node_id for node in plan.walk() for node_id in _node_ids(node)]
    files = (node.operation.sink for node in plan.walk() if isinstance(node.operation, Write))
    tags = next((dict(sink.metadata) for sink in files if isinstance(sink, SinkSpec)), {})
    _owners[session] = Owner(client, secret_hash, tuple(dict.fromkeys(nodes)), tags, titles or {}, workflow)


def owner_of(session: StreamSession) -> Owner:
    """Who started a session; nobody where that is not known."""
    return _owners.get(session) or Owner(None, "", (session.node_id,), {}, {})


def is_owner(session: StreamSession, secret: str) -> bool:
    """Whether this is the secret that came with the session's prompt."""
    expected = owner_of(session).secret_hash
    return bool(secret and expected) and secrets.compare_digest(hash_secret(secret), expected)


def hash_secret(secret: str) -> str:
    """SHA-256 in hex: tells the owner's secret from others and does not give it away."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def hide_secret(request: dict) -> dict:
    """A ``POST /prompt`` body with the secret's hash in place of the secret; changes the body itself.

    A hash that the body already has is dropped: nobody starts a session in another's name.
    """
    extra = request.get("extra_data")
    if isinstance(extra, dict):
        secret = extra.pop(SECRET_FIELD, None)
        extra.pop(OWNER_FIELD, None)
        if isinstance(secret, str) and secret:
            extra[OWNER_FIELD] = hash_secret(secret)
    return request


def _node_ids(node: PlanNode) -> tuple[str, ...]:
    """The nodes behind a step of the plan: its own, and those of its model, adapters and instruction."""
    if isinstance(node.operation, Stylise):
        model = node.operation.model
        adapters = (adapter.node_id for adapter in model.patches)
        return node.node_id, model.node_id, *adapters, node.operation.conditioning.node_id
    return (node.node_id,)


def workflow_of(extra: Mapping[str, Any]) -> str:
    """Id of the workflow that a prompt was made of, from its ``extra_data``; empty where it has none."""
    info = extra.get("extra_pnginfo")
    workflow = info.get("workflow") if isinstance(info, dict) else None
    known = workflow.get("id") if isinstance(workflow, dict) else None
    return known if isinstance(known, str) else ""


def graph_of(extra: Mapping[str, Any], client: str | None) -> str:
    """Whose graph a prompt has, and which: another tab's Run, or another workflow's, changes no session."""
    return f"{extra.get(OWNER_FIELD) or client or ''} {workflow_of(extra)}"

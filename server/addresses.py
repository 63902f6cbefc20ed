"""A readable address for each live value of a session, for OSC and show control."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..engine.families.base import LiveParameter
from ..engine.runtime.session import StreamSession
from .owners import owner_of

ROOT = "/livestyle"

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OTHER = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Control:
    """A live value as a controller sees it.

    Attributes:
        address: such as ``/livestyle/stream_denoise/strength``: the node's title, and the input.
            Where two would be the same, each is ``/livestyle/node/<id>/<input>``, which always works.
        by_id: that second form.
        parameter: key, kind and bounds.
        value: present value.
    """

    address: str
    by_id: str
    parameter: LiveParameter
    value: float | int | str

    def as_json(self) -> dict[str, Any]:
        """Of text, ``maximum`` is the number of characters."""
        spec = self.parameter
        return {
            "address": self.address,
            "key": spec.key,
            "kind": spec.kind,
            "minimum": spec.minimum,
            "maximum": spec.maximum,
            "value": self.value,
        }


def controls_of(session: StreamSession) -> list[Control]:
    """The live values of a session; none while its models are still loading."""
    titles, values = owner_of(session).titles, session.store.snapshot()
    named: dict[str, list[LiveParameter]] = defaultdict(list)
    for spec in session.store.parameters().values():
        named[_readable(spec.key, titles)].append(spec)
    return [
        Control(_by_id(spec.key) if len(specs) > 1 else address, _by_id(spec.key), spec, values[spec.key])
        for address, specs in named.items()
        for spec in specs
    ]


def keys_of(session: StreamSession) -> dict[str, str]:
    """The keys of a session's live values, by either form of their addresses."""
    return {
        address: each.parameter.key for each in controls_of(session) for address in (each.by_id, each.address)
    }


def warnings_of(session: StreamSession) -> list[str]:
    """One line for each address that several nodes would have."""
    titles = owner_of(session).titles
    named: dict[str, list[str]] = defaultdict(list)
    for key in session.store.parameters():
        named[_readable(key, titles)].append(key.rpartition(".")[0])
    return [
        f"Nodes {', '.join(nodes)} would share {address}: give them different titles."
        for address, nodes in named.items()
        if len(nodes) > 1
    ]


def titles_of(graph: Mapping[str, Any]) -> dict[str, str]:
    """The nodes' titles in a queued prompt, or their types where a program gave them none."""
    titles = {}
    for node_id, node in graph.items():
        meta = node.get("_meta")
        title = meta.get("title") if isinstance(meta, dict) else None
        # An OSC address is ASCII: of a title in another script the type is left.
        titles[node_id] = title if isinstance(title, str) and _slug(title) else str(node.get("class_type"))
    return titles


def _readable(key: str, titles: Mapping[str, str]) -> str:
    node_id, _, name = key.rpartition(".")
    title = _slug(titles.get(node_id, ""))
    return f"{ROOT}/{title}/{name}" if title else _by_id(key)


def _by_id(key: str) -> str:
    node_id, _, name = key.rpartition(".")
    return f"{ROOT}/node/{node_id}/{name}"


def _slug(title: str) -> str:
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()  # é is e
    return _OTHER.sub("_", _CAMEL.sub("_", letters).lower()).strip("_")

"""A file that was played live opens as it looked at its end, not as it was queued."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..engine.errors import SettingError
from ..engine.modulation.modulator import Modulator
from .modulators import META_FIELD, parse_modulators
from .secrets import without_secrets

Tags = tuple[tuple[str, str], ...]

QUEUED = "livestyle_queued"
"""Container tag: the values with which the changed widgets were queued, by ``<node id>.<input name>``."""


ODD = (LookupError, TypeError, ValueError, AttributeError, StopIteration, SettingError)
"""What comes of reading a graph: it is whatever the client sent along."""


def with_last_values(
    tags: Tags, values: Mapping[str, Any], modulators: Mapping[str, Modulator] | None = None
) -> Tags:
    """Container tags whose prompt and workflow have these live values, and what moved them.

    Args:
        tags: ``prompt`` and, from the editor, ``workflow``, as JSON.
        values: by ``<node id>.<input name>``; the id of a node in a subgraph is its path (``"3:7"``).
        modulators: by the same keys.

    Returns:
        The tags that change, and the values that were queued as a tag of its own; nothing where all is as
        it was.
    """
    graphs = {name: json.loads(text) for name, text in tags}
    prompt = graphs.get("prompt", {})
    queued, turned = {}, False
    for key, value in values.items():
        node_id, _, name = key.rpartition(".")
        inputs = prompt.get(node_id, {}).get("inputs", {})
        if name in inputs and not isinstance(inputs[name], list) and inputs[name] != value:
            queued[key] = inputs[name]
            inputs[name] = value
            with contextlib.suppress(*ODD):
                node, shown = _shown_by(graphs["workflow"], node_id.split(":"), name)
                _write(node, shown, value, list(inputs))
        modulator = (modulators or {}).get(key)
        with contextlib.suppress(*ODD):
            if _turn(prompt[node_id], name, modulator):
                turned = True
                *holders, last = node_id.split(":")
                _keep(_named(_graph(graphs["workflow"], holders)["nodes"], last), name, modulator)
    if not queued and not turned:
        return ()
    changed = {**graphs, QUEUED: queued}
    return without_secrets(tuple((name, json.dumps(graph)) for name, graph in changed.items()))


def _shown_by(workflow: Any, path: list[str], name: str) -> tuple[Any, str]:
    """The node that keeps a widget's value, and the widget's name there: a subgraph keeps what it shows."""
    graph = _graph(workflow, path[:-1])
    node = _named(graph["nodes"], path[-1])
    slot = next((each for each in node["inputs"] if each["name"] == name), {})
    if slot.get("link") is None or len(path) == 1:
        return node, name
    origin = _named(graph["links"], slot["link"])["origin_slot"]
    holder = _named(_graph(workflow, path[:-2])["nodes"], path[-2])
    return _shown_by(workflow, path[:-1], holder["inputs"][origin]["name"])


def _graph(workflow: Any, path: list[str]) -> Any:
    """The graph in which the nodes at this path of subgraphs lead."""
    graph = workflow
    for step in path:
        graph = _named(workflow["definitions"]["subgraphs"], _named(graph["nodes"], step)["type"])
    return graph


def _named(things: Any, wanted: Any) -> Any:
    return next(each for each in things if str(each["id"]) == str(wanted))


def _write(node: Any, name: str, value: Any, prompted: list[str]) -> None:
    """Values are kept in the order of the widgets' slots; newer editors keep them by name as well.

    A template's widgets may have no slots; editors write them first and in their order into the prompt.
    """
    names = [each["name"] for each in node["inputs"] if each.get("widget")] or prompted
    node["widgets_values"][names.index(name)] = value
    if name in node.get("widgets_values_named", {}):
        node["widgets_values_named"][name] = value


def _turn(node: Any, name: str, modulator: Modulator | None) -> bool:
    """Have a modulator, or none, move a value of a prompt's node; whether it was another one."""
    meta = node["_meta"] if isinstance(node.get("_meta"), dict) else {}
    queued = meta.get(META_FIELD, {})
    if parse_modulators(queued).get(name) == modulator:
        return False
    turned = {other: each for other, each in queued.items() if other != name}
    if modulator is not None:
        turned[name] = asdict(modulator)
    node["_meta"] = {**meta, META_FIELD: turned}
    return True


def _keep(node: Any, name: str, modulator: Modulator | None) -> None:
    """The same on the canvas, where a modulator that is off is kept."""
    kept = node.setdefault("properties", {}).setdefault(META_FIELD, {})
    fields = asdict(modulator) if modulator else {}
    kept[name] = {**kept.get(name, {}), **fields, "on": modulator is not None}

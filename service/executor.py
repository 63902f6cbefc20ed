"""Runs the API form of a workflow: each node once, after the nodes that it is linked to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..engine.errors import LiveStyleError, SettingError, one_line
from ..engine.log import log
from .node_api import Blocked, ComfyNode, Input

Graph = dict[str, Any]


def read_graph(path: Path) -> Graph:
    """The API form of a workflow: nodes by id.

    Raises:
        SettingError: it can't be read, or is another kind of file.
    """
    try:
        graph = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingError(f"{path.name} can't be read as a workflow: {one_line(error)}.") from None
    if isinstance(graph, dict) and isinstance(graph.get("nodes"), list):
        raise SettingError(f"{path.name} is a workflow of the editor: save it with 'Export (API)' instead.")
    if not isinstance(graph, dict) or not graph or not all(map(_is_node, graph.values())):
        raise SettingError(f"{path.name} is no workflow: save one with 'Export (API)'.")
    return graph


def _is_node(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("class_type"), str)
        and isinstance(node.get("inputs"), dict)
    )


class Executor:
    """Runs one graph.

    Args:
        graph: see ``read_graph``.
        nodes: the classes that it may use.
        check: called before each node; what it raises ends the run.

    Raises:
        SettingError: the graph uses a node that only ComfyUI has, or writes nothing.
    """

    def __init__(self, graph: Graph, nodes: Sequence[type[ComfyNode]], check: Callable[[], None]) -> None:
        self._graph = graph
        self._check = check
        self._classes = {node.SCHEMA.node_id: node for node in map(_described, nodes)}
        self._values: dict[str, tuple[Any, ...]] = {}
        self._begun: set[str] = set()
        for node_id, node in graph.items():
            if node["class_type"] not in self._classes:
                raise SettingError(
                    f"Node {node_id} is {node['class_type']}, which only ComfyUI has: use LiveStyle's nodes "
                    f"alone ({', '.join(sorted(self._classes))})."
                )
        self._ends = [node_id for node_id in graph if self._class_of(node_id).SCHEMA.is_output_node]
        if not self._ends:
            raise SettingError("The workflow writes nothing: add a FrameStreamIO that writes.")

    def run(self) -> dict[str, tuple[Any, ...]]:
        """Run every output node, and what it is linked to; what each output node gave out, by its id.

        Raises:
            LiveStyleError: in one line, which node failed and what to change.
        """
        return {node_id: self._values_of(node_id) for node_id in self._ends}

    def _class_of(self, node_id: str) -> type[ComfyNode]:
        return self._classes[self._graph[node_id]["class_type"]]

    def _values_of(self, node_id: str) -> tuple[Any, ...]:
        """What a node gives out; runs it where it has not run."""
        if node_id in self._values:
            return self._values[node_id]
        if node_id in self._begun:
            raise SettingError(f"Node {node_id} is linked to itself: remove one of the links.")
        self._begun.add(node_id)
        kind = self._class_of(node_id)
        given = self._graph[node_id]["inputs"]
        inputs = {each.id: self._input(node_id, each, given[each.id]) for each in _present(kind, given)}
        stopped = next((value for value in inputs.values() if isinstance(value, Blocked)), None)
        if stopped is not None:
            raise SettingError(f"{kind.SCHEMA.node_id} {node_id}: {stopped.reason}")
        self._check()
        hidden = SimpleNamespace(unique_id=node_id, prompt=self._graph, extra_pnginfo=None, dynprompt=None)
        node = type(kind.__name__, (kind,), {"hidden": hidden})
        try:
            done = node.execute(**inputs)  # type: ignore[attr-defined]
        except LiveStyleError as error:
            error.args = (f"{kind.SCHEMA.node_id} {node_id}: {error}",)
            raise
        except Exception as error:
            log.exception("Node %s failed", node_id)
            line = f"{kind.SCHEMA.node_id} {node_id}: {type(error).__name__}: {one_line(error)}"
            raise LiveStyleError(line) from error
        self._values[node_id] = done.values
        return done.values

    def _input(self, node_id: str, each: Input, value: Any) -> Any:
        """A widget's value in its type, or what its link brings."""
        name = f"{each.id} of node {node_id}"
        if isinstance(value, list):
            origin, slot = (*value, None, None)[:2]
            if origin not in self._graph or not isinstance(slot, int):
                raise SettingError(f"{name} is linked to a node that the workflow has not: link it again.")
            values = self._values_of(origin)
            if not 0 <= slot < len(values):
                raise SettingError(f"{name} is linked to output {slot}, which node {origin} has not.")
            return values[slot]
        if each.convert is None:
            raise SettingError(f"{name} takes a link, not a value: connect it.")
        try:
            return each.convert(value)
        except (TypeError, ValueError, OverflowError):
            raise SettingError(
                f"{name} can't be {one_line(ValueError(value), 40)}: choose another."
            ) from None


def _described(node: type[ComfyNode]) -> type[ComfyNode]:
    """The node with its schema, as ComfyUI keeps it."""
    return type(node.__name__, (node,), {"SCHEMA": node.define_schema()})  # type: ignore[attr-defined]


def _present(kind: type[ComfyNode], given: Mapping[str, Any]) -> list[Input]:
    """The inputs that a graph gives a node."""
    missing = [each.id for each in kind.SCHEMA.inputs if not each.optional and each.id not in given]
    if missing:
        raise SettingError(f"{kind.SCHEMA.node_id} has no {' and no '.join(missing)}: connect it.")
    return [each for each in kind.SCHEMA.inputs if each.id in given]

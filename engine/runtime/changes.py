"""What an edited graph changes on a stream that plays: values, conditioning, models, sources, or more."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ..conditioning.recipe import ConditioningRecipe
from ..conditioning.timeline import AnyConditioning, StyleTimeline
from ..errors import SettingError
from ..media.sinks import SinkSpec
from ..takes.lane import Value
from .plan import PlanNode, Read, Stylise

Path = tuple[str, ...]
"""Of a value in a plan: the node's id, and the names of the fields that lead to it."""

FREE = {
    SinkSpec: {"path", "metadata"},
    ConditioningRecipe: {
        *("fingerprint", "reference_strength", "text_strength", "te_refresh_every", "te_batch_one"),
    },
}
"""Fields beside the live ones that may change while it plays: a file has its name by then, and the rest of a
recipe is read for each chunk.
"""

WORDS = {
    **{"location": "source", "fingerprint": "file", "operation": "nodes", "parents": "connections"},
    **{"node_id": "nodes", "patches": "adapters"},
}
"""What an artist calls a field, where that is no widget's name."""

RATE = {("trim", "fps"), ("trim", "every_nth")}
"""Fields of a source by which its stream has its rate."""

TARGET = {"width", "height", "fps", "length"}
"""Settings of a denoising node by which its stream's targets were opened."""


class NeedsRestart(SettingError):
    """What has changed can't be applied to a stream that plays.

    Attributes:
        what: in the artist's words.
        node_id: whose setting it is.
    """

    def __init__(self, what: str, node_id: str) -> None:
        super().__init__(f"{what} of node {node_id} can't change while it plays.")
        self.what, self.node_id = what, node_id


@dataclass(frozen=True)
class Changes:
    """What can be applied.

    Attributes:
        values: live values that were others in the earlier plan, by key.
        conditioning: of each denoising node whose own differs in more than its prompts.
        models: denoising nodes that need a runner of their own for what has changed, and what that is.
        sources: what reading nodes with another source, or trim, are to do.
    """

    values: dict[str, Value] = field(default_factory=dict)
    conditioning: dict[str, AnyConditioning] = field(default_factory=dict)
    models: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[str, Read] = field(default_factory=dict)


def changes(before: PlanNode, after: PlanNode, live: Container[str]) -> Changes:
    """What a plan changes on an earlier one of the same writing node.

    Args:
        live: keys that the session has.

    Raises:
        NeedsRestart: the size, the rate, a target or the order of the nodes has changed.
    """
    then: dict[str, Value] = {}
    now: dict[str, Value] = {}
    old, new = dict(_fixed(before, live, then)), dict(_fixed(after, live, now))
    earlier = {node.node_id: node.operation for node in before.walk()}
    later = {node.node_id: node.operation for node in after.walk()}
    models: dict[str, list[str]] = {}
    sources: dict[str, Read] = {}
    for path in sorted({**old, **new}, key=len):  # a node that is gone before its fields
        if path not in old or path not in new or old[path] != new[path]:
            known, read = earlier.get(path[0]), later.get(path[0])
            if isinstance(known, Read) and isinstance(read, Read) and _of_source(path):
                if not _joins(known, read, after):
                    raise NeedsRestart(_called(path), path[0])
                sources[path[0]] = read
                continue
            if not _of_runner(path):
                raise NeedsRestart(_called(path), path[0])
            models.setdefault(path[0], []).append(_called(path))
    conditioning = {}
    for node in after.walk():
        operation, known = node.operation, earlier[node.node_id]
        if isinstance(operation, Stylise) and isinstance(known, Stylise):
            if node.node_id in models:
                if operation.model.run_on or known.model.run_on:
                    raise NeedsRestart(models[node.node_id][0], node.node_id)
            elif _wordless(operation.conditioning) != _wordless(known.conditioning):
                conditioning[node.node_id] = operation.conditioning
    values = {key: value for key, value in now.items() if key in then and value != then[key]}
    named = {node_id: _names(each) for node_id, each in models.items()}
    return Changes(values, conditioning, named, sources)


def _of_source(path: Path) -> bool:
    """Whether a source is opened or resized with it, and nothing else depends on it."""
    return path[2:3] in (("source",), ("resize",)) and path[-2:] not in RATE


def _joins(known: Read, read: Read, plan: PlanNode) -> bool:
    """Not what a page pushes, which it begins with a session, nor on a cluster."""
    nodes = (node.operation for node in plan.walk())
    remote = any(isinstance(each, Stylise) and each.model.run_on for each in nodes)
    return not remote and "pushed" not in (known.source.kind, read.source.kind)


def _of_runner(path: Path) -> bool:
    """Whether a denoising node's runner is made with it, and nothing else in the session."""
    field = path[2:4]
    return (
        field[:1] in (("model",), ("conditioning",)) or field[:1] == ("settings",) and field[1] not in TARGET
    )


def _names(called: list[str]) -> tuple[str, ...]:
    """Each once; a file changes with its name."""
    return tuple(dict.fromkeys(name for name in called if name != "file")) or ("file",)


def _fixed(plan: PlanNode, live: Container[str], values: dict[str, Value]) -> Iterator[tuple[Path, Any]]:
    """All that can't change; live values go to ``values``."""
    for node in plan.walk():
        yield (node.node_id, "parents"), tuple(parent.node_id for parent in node.parents)
        yield from _leaves(node.operation, (node.node_id, "operation"), node.node_id, live, values)


def _leaves(
    part: Any, path: Path, owner: str, live: Container[str], values: dict[str, Value]
) -> Iterator[tuple[Path, Any]]:
    """Plain values of a part of an operation; ``owner`` is the node that made it."""
    if isinstance(part, tuple):
        yield path, len(part)
        for number, each in enumerate(part, 1):
            yield from _leaves(each, (*path, str(number)), owner, live, values)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        yield path, type(part).__name__
        owner = getattr(part, "node_id", "") or owner
        if isinstance(part, ConditioningRecipe):
            yield from _sorts(part, path)
        for each in dataclasses.fields(part):
            value, key = getattr(part, each.name), f"{owner}.{each.name}"
            if key in live:
                values[key] = value
            elif each.compare and each.name not in FREE.get(type(part), ()):
                yield from _leaves(value, (*path, each.name), owner, live, values)
    else:
        yield path, part


def _sorts(recipe: ConditioningRecipe, path: Path) -> Iterator[tuple[Path, Any]]:
    """What a stream was made ready for: so many pictures, embeddings or none, one text encoder."""
    yield (*path, "references"), len(recipe.references)
    yield (*path, "conditioning"), recipe.external is not None
    yield (*path, "clip"), None if recipe.clip is None else id(recipe.clip.clip)


def _wordless(conditioning: AnyConditioning) -> tuple[ConditioningRecipe, ...]:
    """Its styles without their prompts, which are live."""
    return tuple(replace(style, prompt="") for style in StyleTimeline.of(conditioning).styles)


def _called(path: Path) -> str:
    name = next(step for step in reversed(path) if not step.isdigit())
    return WORDS.get(name, name)

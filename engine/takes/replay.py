"""Plans that keep what a take needs, and plans that play one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from ..media.live.source_spec import LiveSpec
from ..media.lossless_sink import LosslessSpec
from ..media.sinks import SinkSpec
from ..media.sources import SourceSpec
from ..runtime.plan import PlanNode, Read, Stylise, Write, rebuilt
from .header import identity
from .take import Take, load_take


def prepared(plan: PlanNode, path: str, record_source: bool) -> tuple[PlanNode, Take | None, list[str]]:
    """The plan of a write node for a run that plays a take, keeps its live sources, or both.

    Args:
        path: of the take's file; empty plays none.

    Returns:
        The plan, the take, and what the artist should know of it, one line each.

    Raises:
        SettingError: the file is no take.
    """
    take, lines = (load_take(path), []) if path else (None, [])
    if take is not None:
        lines = remarks(plan, take)
        plan = playing(plan, take, Path(path).parent)
    write = plan.operation
    files = isinstance(write, Write) and isinstance(write.sink, SinkSpec)
    return keeping_sources(plan) if record_source and files else plan, take, lines


def keeping_sources(plan: PlanNode) -> PlanNode:
    """The plan of a write node whose target is a file, with a lossless copy of each live source beside it.

    A copy has the size and the frames that the session worked with, so it is what a take needs.
    """
    spec = plan.operation.sink if isinstance(plan.operation, Write) else None
    assert isinstance(spec, SinkSpec)
    stem = PurePath(re.sub("%(width|height)%", "", spec.path)).with_suffix("")
    live = [node.node_id for node in plan.walk() if _is_live(node)]

    def kept(node: PlanNode) -> PlanNode:
        if not _is_live(node):
            return node
        number = live.index(node.node_id) + 1
        path = f"{stem}.source{number if number > 1 else ''}.mkv"
        return PlanNode(Write(LosslessSpec(path), preview=False), (node,), f"{node.node_id}.source")

    return rebuilt(plan, kept)


def playing(plan: PlanNode, take: Take, folder: Path) -> PlanNode:
    """The plan for a take: it ends where the take does, its file begins where the recording did, and a live
    source that was recorded beside is read from that file.

    Args:
        folder: in which the take lies.
    """

    def played(node: PlanNode) -> PlanNode:
        operation = node.operation
        ends = (take.end or 0) if node == plan.origin or not plan.mixes else 0
        if isinstance(operation, Read):
            recorded = _recorded(take, node.node_id, folder)
            if recorded is not None and _is_live(node):
                operation = replace(operation, source=SourceSpec("file", str(recorded)))
            operation = replace(operation, frames=ends)
        elif isinstance(operation, Stylise) and not node.parents and ends:
            length = min(operation.settings.length or ends, ends)
            operation = replace(operation, settings=replace(operation.settings, length=length))
        elif node == plan and isinstance(operation, Write) and isinstance(operation.sink, SinkSpec):
            operation = replace(operation, sink=replace(operation.sink, first=take.first, record=True))
        return replace(node, operation=operation)

    return rebuilt(plan, played)


def remarks(plan: PlanNode, take: Take) -> list[str]:
    """What the artist should know before a take plays on a plan, one line each."""
    known = take.header.get("source")
    lines = []
    if take.swapped:
        lines.append(
            f"The take ends at frame {take.end}: there {take.swapped} was swapped in, which it hasn't."
        )
    for node in plan.walk():
        if isinstance(node.operation, Read) and isinstance(known, dict):
            then, now = known.get(node.node_id), identity(node.operation.source.label)
            if isinstance(then, dict) and "bytes" in then and {**then, **now} != then:
                lines.append(f"The take was made with another source than {now['name']}.")
    return lines


def _is_live(node: PlanNode) -> bool:
    return isinstance(node.operation, Read) and isinstance(node.operation.source, LiveSpec)


def _recorded(take: Take, node_id: str, folder: Path) -> Path | None:
    """The copy of a source that lies beside its take; its name comes from outside."""
    sources: Any = take.header.get("source")
    facts = sources.get(node_id) if isinstance(sources, dict) else None
    name = facts.get("recorded") if isinstance(facts, dict) else None
    if not isinstance(name, str) or PurePath(name).name != name or not name.endswith(".mkv") or "\\" in name:
        return None
    path = folder / name
    return path if path.is_file() and not path.is_symlink() else None

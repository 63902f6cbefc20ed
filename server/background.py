"""Sessions that play on when their prompt has ended, and what queueing their graph again does to them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..engine.errors import SettingError
from ..engine.families.base import ModelHandle
from ..engine.runtime.changes import Changes, NeedsRestart, changes
from ..engine.runtime.plan import PlanNode, Read, Stylise, rebuilt
from ..engine.runtime.registry import sessions
from ..engine.runtime.session import StreamSession
from .addresses import titles_of
from .model_swap import names_of, take_over
from .modulators import modulators_of, set_modulators
from .owners import owner_of, set_owner
from .preset_bank import bank_in, set_bank
from .source_join import join, label_of
from .workshop import Workshop


@dataclass(frozen=True)
class Asked:
    """What a Run asked of a write node.

    Attributes:
        plan: as the graph has it.
        take: path of the take to play; empty for none.
        record_source: whether live sources are kept.
    """

    plan: PlanNode
    take: str = ""
    record_source: bool = False

    @property
    def models(self) -> list[ModelHandle]:
        """Of all its denoising nodes."""
        return [node.operation.model for node in self.plan.walk() if isinstance(node.operation, Stylise)]

    @property
    def denoising(self) -> dict[str, Stylise]:
        """What its denoising nodes do, by node id."""
        nodes = self.plan.walk()
        return {node.node_id: node.operation for node in nodes if isinstance(node.operation, Stylise)}


STAYS = "It plays on as it was: {}. Press Restart, or Stop and Run."

_asked: weakref.WeakKeyDictionary[StreamSession, Asked] = weakref.WeakKeyDictionary()


def remember(session: StreamSession, asked: Asked) -> None:
    """Keep what was asked of a session until it ends."""
    _asked[session] = asked
    session.listen(lambda event: forget(session) if session.wait(0) else None)


def forget(session: StreamSession) -> None:
    """A plan may hold frames."""
    _asked.pop(session, None)


def models_in_use(sessions: Iterable[StreamSession]) -> list[ModelHandle]:
    """Those of sessions that play in the background."""
    return [handle for session in sessions if session in _asked for handle in _asked[session].models]


def play_on(session: StreamSession, asked: Asked, graph: Mapping[str, Any], workshop: Workshop) -> str:
    """Apply to a session that plays what its graph has now.

    Changed live values and modulators act at the next chunk, as from a widget; changed pictures, embeddings
    and weights of the conditioning, too, and other presets and cues. A value that was queued as before stays
    what it was turned to. A changed model is built first, and comes with all the rest; so does a source that
    is opened.

    Args:
        graph: of the prompt, whose nodes have their modulators, presets and cues.
        workshop: where models are built.

    Returns:
        A line for the artist.

    Raises:
        SettingError: something can't be applied, and nothing was; or a value is refused.
    """
    before, store, bank = _asked.get(session), session.store, bank_in(graph, session.node_id)
    if before is None:
        raise SettingError("It has just ended: press Run again.")
    try:
        if (asked.take, asked.record_source) != (before.take, before.record_source):
            raise NeedsRestart("take" if asked.take != before.take else "record_source", session.node_id)
        found = changes(before.plan, asked.plan, store.parameters())
    except NeedsRestart as error:
        raise SettingError(STAYS.format(_named(session, error))) from None
    said = _join(session, asked, found, graph, workshop) if found.sources else ""
    found = _restyled(session, found)
    resting = store.resting()
    values = {key: value for key, value in found.values.items() if value != resting[key]}
    refused: dict[str, str] = {}
    if found.models:
        refused = _swap(session, asked, found, values, graph, workshop)
    else:
        _, refused = store.recall(values)
    if bank is not None:
        set_bank(session, bank)
    moved = modulators_of(owner_of(session).nodes, graph)
    now = store.modulators()
    refused |= set_modulators(session, {key: each for key, each in moved.items() if each != now.get(key)})
    if refused:
        raise SettingError(next(iter(refused.values())))
    _asked[session] = asked
    changed = [*(name for names in found.models.values() for name in names)]
    changed += [key.rpartition(".")[2] for key in values] + ["conditioning"] * bool(found.conditioning)
    changed += ["source"] * bool(found.sources)
    line = f"Plays on with other {', '.join(dict.fromkeys(changed))}." if changed else "Plays on."
    return f"{line} {said}".rstrip()


def _join(
    session: StreamSession, asked: Asked, found: Changes, graph: Mapping[str, Any], workshop: Workshop
) -> str:
    """Have other sources opened and joined; a line of what isn't heard then. Raises SettingError."""
    if asked.take or asked.record_source or found.models:
        what = "a model with it" if found.models else "while a take plays or the source is kept"
        raise SettingError(STAYS.format(f"the source can't change {what}"))

    def at_border(node: PlanNode, frame: int) -> None:
        read, before = found.sources[node.node_id], _asked.get(session)
        session.store.taken.swap(frame, label_of(read), done=False)
        if before is not None:
            _asked[session] = replace(
                before, plan=rebuilt(before.plan, partial(_reading, node.node_id, read))
            )
        _show_anew(session, asked, graph)

    return join(session, found.sources, at_border, workshop)


def _show_anew(session: StreamSession, asked: Asked, graph: Mapping[str, Any]) -> None:
    """Have the owner's page show it on the nodes that there are now, by their titles."""
    owner = owner_of(session)
    set_owner(session, asked.plan, owner.client, owner.secret_hash, titles_of(graph), owner.workflow)


def _reading(node_id: str, read: Read, node: PlanNode) -> PlanNode:
    return replace(node, operation=read) if node.node_id == node_id else node


def _restyled(session: StreamSession, found: Changes) -> Changes:
    """Give the nodes their other conditioning; those that take none while they play need a new runner."""
    models, conditioning = dict(found.models), dict(found.conditioning)
    if models:  # all at once, or nothing
        return replace(
            found, models={**dict.fromkeys(conditioning, ("conditioning",)), **models}, conditioning={}
        )
    for node_id, each in found.conditioning.items():
        try:
            session.restyle(node_id, each)
        except SettingError:
            models[node_id] = ("conditioning",)
            del conditioning[node_id]
    return replace(found, models=models, conditioning=conditioning)


def _swap(
    session: StreamSession,
    asked: Asked,
    found: Changes,
    values: Mapping[str, Any],
    graph: Mapping[str, Any],
    workshop: Workshop,
) -> dict[str, str]:
    """Have models built and swapped in; what of the values was refused then. Raises SettingError."""
    operations = {node_id: asked.denoising[node_id] for node_id in found.models}
    refused: dict[str, str] = {}

    def at_border(node: PlanNode, frame: int) -> None:
        known = session.store.parameters()  # those of a LoRA or adapter may have gone with it
        refused.update(session.store.recall({key: each for key, each in values.items() if key in known})[1])
        session.store.taken.swap(frame, f"{names_of(operations)} ({', '.join(found.models[node.node_id])})")
        _show_anew(session, asked, graph)
        _asked[session] = asked

    workshop.models.keep_only([*asked.models, *models_in_use(sessions.running())])
    try:
        take_over(session, operations, at_border, workshop)
    finally:
        workshop.models.keep_only(models_in_use(sessions.running()))
    return refused


def _named(session: StreamSession, error: NeedsRestart) -> str:
    title = owner_of(session).titles.get(error.node_id)
    where = f"{title}, node {error.node_id}" if title else f"node {error.node_id}"
    return f"{error.what} can't change meanwhile ({where})"

"""What a worker does: one task is one call of ``perform``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from ...engine.cluster.facts import Facts, difference, facts
from ...engine.cluster.replaced import Given, ReplacedModel
from ...engine.errors import LiveStyleError, MediaError, one_line
from ...engine.families.base import ModelHandle, StreamModel
from ...engine.log import log
from ...engine.media.lossless_sink import LosslessSpec
from ...engine.media.types import SinkResult
from ...engine.runtime.device import WEIGHT_DTYPES, plan_device
from ...engine.runtime.plan import PlanNode, Read, Stylise, Write, rebuilt
from ...engine.runtime.pump import pump
from ...engine.runtime.session import StreamSession
from ...server.addresses import titles_of
from ...server.owners import set_owner
from ...server.prompt_settings import begin_settings
from .. import host
from .job import Job, Planned, planned
from .pieces import Joined, OnePiece, Piece, Scenes

NOWHERE = 1 << 30
"""A first frame that no clip has."""


def perform(caller: Facts, name: str, job: Mapping[str, Any], *arguments: Any) -> dict[str, Any]:
    """A task for whoever submitted it: ``{"value": ...}``, or ``{"error": line}``.

    Args:
        caller: facts of the submitting process; another LiveStyle is refused.
        name: ``scenes``, ``piece`` or ``film``.
        job: fields of a ``Job``.
    """
    if line := difference(caller, facts()):
        return {"error": line}
    try:
        given = Job(**job)
        return {"value": TASKS[name](given, planned(given), *arguments)}
    except LiveStyleError as error:
        return {"error": str(error)}
    except Exception as error:
        log.exception("%s of %s failed", name, job["file"])
        return {"error": f"{type(error).__name__}: {one_line(error)}"}


def scenes(job: Job, given: Planned) -> list[tuple[int, int, str]]:
    """Fields of the pieces of a clip whose chunks are independent."""
    dtype = plan_device(host.residency.device).dtype
    name = next(name for name, known in WEIGHT_DTYPES.items() if known == dtype)
    found = Scenes()
    _play(job, given, _lossless(given, Piece(NOWHERE, 0, name), given.work / "none.mkv"), found)
    return [(each.first, each.end, each.dtype) for each in found.pieces(name)]  # plain, to go over


def piece(job: Job, given: Planned, *fields: Any) -> None:
    """Render a piece into the unfinished folder, unless it is there."""
    wanted = Piece(*fields)
    if not wanted.file(given.work).exists():
        part = given.work / f"{uuid4().hex}.mkv"
        _play(job, given, _lossless(given, wanted, part), OnePiece(wanted))
        os.replace(part, wanted.file(given.work))


def film(job: Job, given: Planned, pieces: Sequence[tuple[int, int, str]]) -> str:
    """Write the finished file, whole or of its pieces; its path."""
    folder, parts = given.work / uuid4().hex, [Piece(*each) for each in pieces]
    plan = given.written_in(folder)
    if parts:
        plan = rebuilt(plan, partial(_pinned, parts[0].dtype))
    joined = Joined(each.file(given.work) for each in parts) if parts else None
    result = _play(job, given, plan, joined)
    if result.path is None:
        raise MediaError("Nothing was written: the stream ended before its first frame.")
    for other in folder.glob("*.mp4"):
        if other != result.path:
            os.replace(other, given.target.with_name(f"{given.target.stem}_{other.name}"))
    os.replace(result.path, given.target)
    shutil.rmtree(given.work, ignore_errors=True)
    return str(given.target)


TASKS = {"scenes": scenes, "piece": piece, "film": film}


def _lossless(given: Planned, piece: Piece, path: Path) -> PlanNode:
    """A plan of the denoising node alone that writes a piece; one that ends at 0 reads the whole clip."""

    def ended(node: PlanNode) -> PlanNode:
        operation = node.operation
        if not isinstance(operation, Read) or not piece.end:
            return _pinned(piece.dtype, node)
        frames = min(operation.frames or piece.end, piece.end)
        return replace(node, operation=replace(operation, frames=frames))

    pictures = Write(LosslessSpec(str(path), piece.first), preview=False)
    return rebuilt(PlanNode(pictures, tuple(given.models), "piece"), ended)


def _pinned(dtype: str, node: PlanNode) -> PlanNode:
    """A denoising node whose model has this number format where it is to choose one itself."""
    operation = node.operation
    if not isinstance(operation, Stylise) or operation.model.dtype != "auto":
        return node
    return replace(node, operation=replace(operation, model=replace(operation.model, dtype=dtype)))


def _play(job: Job, given: Planned, plan: PlanNode, pictures: Given | None = None) -> SinkResult:
    """Play a plan as the node that writes would."""
    from ...nodes.run import models

    def load(handle: ModelHandle) -> StreamModel:
        model = models.get(handle)
        return model if pictures is None else ReplacedModel(model, pictures)

    models.keep_only([node.operation.model for node in plan.walk() if isinstance(node.operation, Stylise)])
    session = StreamSession(plan, load, residency=host.residency, take=given.take)
    set_owner(session, plan, None, "", titles_of(job.graph))
    begin_settings(session, job.graph)
    pump(session, host.Progress(plan.node_id), host.check_interrupt)
    session.join()
    return session.take_result(plan.node_id)

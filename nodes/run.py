"""Runs a plan inside the prompt that ComfyUI executes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch

from ..engine.errors import MediaError
from ..engine.families import load_model, weights_on
from ..engine.families.base import ModelHandle, StreamModel
from ..engine.families.devices import devices_of
from ..engine.media.types import SinkResult
from ..engine.runtime.loaded_models import ModelStore
from ..engine.runtime.memory import malloc_trim
from ..engine.runtime.plan import PlanNode, Write
from ..engine.runtime.pump import pump
from ..engine.runtime.registry import sessions
from ..engine.runtime.residency import HeldResidency
from ..engine.runtime.writer import NOTHING_WRITTEN
from ..engine.takes.replay import prepared
from ..server.addresses import titles_of
from ..server.background import Asked, models_in_use, play_on, remember
from ..server.owners import OWNER_FIELD, graph_of, set_owner, workflow_of
from ..server.prompt_settings import begin_settings
from ..server.session_events import file_entry, send_session_event
from ..server.workshop import Workshop
from . import host


def load(handle: ModelHandle) -> StreamModel:
    """The model behind a handle, on its devices, after ComfyUI has made room for it."""
    devices = devices_of(handle, host.residency.device)
    dtype = host.weights_dtype(handle.dtype, devices.denoiser)
    # fp8 is made of full weights, on the device
    for device, size in weights_on(replace(handle, dtype="auto"), dtype, devices).items():
        host.make_room(size, device)
    model = load_model(handle, host.residency.device, dtype)
    if model.remark:
        host.show_text(handle.node_id, model.remark)
    return model


models = ModelStore(load)


def release_models() -> None:
    """Let go of all weights that no session is using now, and give their memory back to the system."""
    models.keep_only(())
    host.residency.released()
    trim = malloc_trim()
    if trim is not None:
        trim(0)


def run_plan(
    plan: PlanNode, take_path: str = "", record_source: bool = False, background: bool = False
) -> tuple[SinkResult, dict[str, Any] | None]:
    """Run a write node's plan to its end; with a take's path it plays, and live sources may be kept.

    In the ``background`` only to its first picture: it plays on by itself. If it does so already, what has
    changed is applied to it.

    Returns:
        What the node itself wrote, and the entry of that file in ComfyUI's history; None where the
        target is no file, or was never recorded.

    Raises:
        LiveStyleError: in one line, what went wrong.
        InterruptProcessingException: the prompt was cancelled.
    """
    send, asked = host.Sender(), Asked(plan, take_path, record_source)
    graph, extra = host.running_prompt()
    owned = graph_of(extra, send.client)
    playing = sessions.playing(plan.node_id, owned) if background else None
    if playing is not None:
        say = partial(host.show_text, plan.node_id)
        workshop = Workshop(models, HeldResidency(host.residency), host.check_interrupt, say)
        say(play_on(playing, asked, graph, workshop))
        send_session_event(playing, send, host.view_of)  # another model may have other nodes
        return NOTHING_WRITTEN, None
    plan, take, remarks = prepared(plan, take_path, record_source)
    for line in remarks:
        host.show_text(plan.node_id, line)
    session = sessions.open(
        plan,
        models.get,
        check=host.check_interrupt,
        residency=HeldResidency(host.residency) if background else host.residency,
        take=take,
        graph=owned,
        background=background,
        on_closed=lambda ended: send_session_event(ended, send, host.view_of),
    )
    models.keep_only([*asked.models, *models_in_use(sessions.running())])
    if background:
        remember(session, asked)
    owner = (send.client, extra.get(OWNER_FIELD, ""), titles_of(graph), workflow_of(extra))
    set_owner(session, plan, *owner)
    begin_settings(session, graph)
    send_session_event(session, send, host.view_of)
    shown = host.Progress(plan.node_id)
    try:
        pump(
            session,
            shown,
            host.check_interrupt,
            by_page=OWNER_FIELD in extra,
            until=lambda: background and session.progress.done > 0,
        )
    except Exception as error:
        if isinstance(error.__cause__, torch.OutOfMemoryError):
            host.empty_device()
        raise
    if not session.wait(0):
        return NOTHING_WRITTEN, None
    result = session.take_result(plan.node_id)
    entry = file_entry(result, host.view_of)
    if entry is None and _must_leave_a_file(plan):
        raise MediaError("Nothing was written: the stream ended before its first frame.")
    return result, entry


def _must_leave_a_file(plan: PlanNode) -> bool:
    """Whether a write node records from its first frame."""
    return isinstance(plan.operation, Write) and getattr(plan.operation.sink, "record", False)

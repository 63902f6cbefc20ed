"""A changed model takes over from the one that plays, while the prompt that asked for it waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath

import torch

from ..engine.errors import SettingError
from ..engine.families import weights_on
from ..engine.families.base import ModelHandle
from ..engine.families.devices import devices_of
from ..engine.runtime.device import WEIGHT_DTYPES, plan_device
from ..engine.runtime.memory import check_room
from ..engine.runtime.plan import PlanNode, Stylise
from ..engine.runtime.session import StreamSession
from .workshop import Workshop, plays_on


def names_of(operations: Mapping[str, Stylise]) -> str:
    """The checkpoints of denoising nodes, by node id."""
    return " and ".join(dict.fromkeys(PurePath(each.model.checkpoint).name for each in operations.values()))


def take_over(
    session: StreamSession,
    operations: Mapping[str, Stylise],
    at_border: Callable[[PlanNode, int], None],
    workshop: Workshop,
) -> None:
    """Returns when the new models play; arguments as of ``StreamSession.swap``.

    Raises:
        SettingError: it plays on as it was, and why.
    """
    workshop.say(f"Loading {names_of(operations)} while it plays on")
    with plays_on():
        for each in operations.values():
            _check_room(each.model, workshop)
        swap = session.swap(operations, workshop.residency, at_border)
        try:
            workshop.wait(swap.wait)
        except BaseException:
            swap.give_up(SettingError("it was cancelled"))
            raise
        if swap.error is not None:
            raise swap.error


def _check_room(handle: ModelHandle, workshop: Workshop) -> None:
    """Raise SettingError for weights that don't fit beside those that play; a GPU says so itself."""
    devices = devices_of(handle, workshop.residency.device)
    dtype = WEIGHT_DTYPES.get(handle.dtype, plan_device(devices.denoiser).dtype)
    size = weights_on(handle, dtype, devices).get(torch.device("cpu"), 0)
    if not workshop.models.has(handle):
        check_room(PurePath(handle.checkpoint).name, size)

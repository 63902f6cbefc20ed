"""Copies of what a runner remembers, without what it only uses."""

from __future__ import annotations

import copy
import gc
from types import FunctionType, ModuleType
from typing import Any

import torch

from ..log import log
from .base import Runner

ATOMS = type | ModuleType | FunctionType | torch.Tensor
"""Referred to by much, and referring to nothing that matters here."""


def copied_state(runner: Runner) -> Any:
    """A copy of a runner's state; networks, and what else the runner and its model have, are not copied.

    None where there is no memory for it, or something in it can't be copied, such as a thread.
    """
    model = getattr(runner, "model", None)
    parts = [value for name, value in vars(runner).items() if name != "state"]
    shared = [runner, model, *parts, *(vars(model).values() if model is not None else ())]
    memo = {id(each): each for each in shared}
    found, seen = [runner.state], set(memo)
    while found:
        each = found.pop()
        if id(each) in seen or isinstance(each, ATOMS):
            continue
        seen.add(id(each))
        if isinstance(each, torch.nn.Module):
            memo[id(each)] = each
        else:
            found.extend(gc.get_referents(each))
    try:
        return copy.deepcopy(runner.state, memo)
    except (torch.OutOfMemoryError, TypeError) as error:
        log.warning("A chunk can't be made again while the stream stands still: %s", error)
        return None

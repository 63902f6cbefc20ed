"""What one object holds and one test started, whatever the rest of the process does."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType

import torch


def reachable(owner: object) -> Iterator[object]:
    """Everything that ``owner`` leads to, once, itself included; classes and modules end the walk."""
    seen: set[int] = set()
    waiting = [owner]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type | ModuleType | BuiltinFunctionType):
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, FunctionType):  # its globals are its module
            waiting.extend(thing.__closure__ or ())
        else:
            waiting.extend(gc.get_referents(thing))


def tensors_of(owner: object) -> Iterator[torch.Tensor]:
    """Every tensor that ``owner`` leads to, once."""
    return (thing for thing in reachable(owner) if isinstance(thing, torch.Tensor))


class ThreadsSince:
    """The threads that were started since this was made."""

    def __init__(self) -> None:
        self._before = set(threading.enumerate())

    def named(self, *prefixes: str) -> list[str]:
        """Names of those that are still alive and begin with one of ``prefixes``."""
        fresh = set(threading.enumerate()) - self._before
        return [thread.name for thread in fresh if thread.name.startswith(prefixes)]

"""``torch.compile`` for a family's network, where this machine can."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import torch
from torch import nn

from ..conditioning.states import TextStates
from ..errors import SettingError, one_line


def set_compiled(modules: Iterable[nn.Module], wanted: bool, *, dynamic: bool | None = False) -> None:
    """Have modules compiled at their first call, or run plainly again whatever an earlier run asked for.

    Args:
        dynamic: False makes one graph, so shapes must not change; None makes sizes that change symbols.

    Raises:
        SettingError: nothing can be compiled here.
    """
    modules = list(modules)
    if not wanted:
        for module in modules:
            module._compiled_call_impl = None  # Module.compile's own, which has no way back
        return
    reason = obstacle(kind_of(modules[0]))
    if reason:
        raise SettingError(f"compile can't work on this machine ({reason}): switch it off on StreamDenoise.")
    torch.compiler.reset()  # a function has eight graphs at most, those of earlier runs and sizes included
    for module in modules:
        module.compile(fullgraph=True, dynamic=dynamic)


def of_any_length(text: TextStates) -> TextStates:
    """The same text, marked so that a compiled network reads prompts of every length with the same graphs."""
    if text.states.shape[1] > 1:  # a size of one is a graph of its own
        torch._dynamo.mark_dynamic(text.states, 1)
        if text.mask is not None:
            torch._dynamo.mark_dynamic(text.mask, 1)
    return text


def kind_of(module: nn.Module) -> str:
    """The kind of device that a module is on."""
    return next(module.parameters()).device.type


@cache
def obstacle(device: str) -> str:
    """Why nothing can be compiled for a kind of device, found out by trying; ``""`` where it can."""
    try:
        with torch.no_grad():
            torch.compile(torch.sin)(torch.zeros(8, device=device))
    except Exception as error:  # compilers, Triton and their absence raise many kinds
        return one_line(error, 120) or type(error).__name__
    return ""

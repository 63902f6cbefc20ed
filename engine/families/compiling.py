"""``torch.compile`` for a family's network, where this machine can."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from ..errors import SettingError, one_line


def compile_in_place(network: nn.Module, *, dynamic: bool | None = False) -> None:
    """Have a network compiled at its first call.

    Args:
        dynamic: False makes one graph, so shapes must not change; None makes sizes that change symbols.

    Raises:
        SettingError: nothing can be compiled here.
    """
    reason = _obstacle(next(network.parameters()).device.type)
    if reason:
        raise SettingError(f"compile can't work on this machine ({reason}): switch it off on StreamDenoise.")
    network.compile(fullgraph=True, dynamic=dynamic)


@cache
def _obstacle(device: str) -> str:
    """Why nothing can be compiled for a kind of device, found out by trying; ``""`` where it can."""
    try:
        with torch.no_grad():
            torch.compile(torch.sin)(torch.zeros(8, device=device))
    except Exception as error:  # compilers, Triton and their absence raise many kinds
        return one_line(error, 120) or type(error).__name__
    return ""

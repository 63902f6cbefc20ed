"""Eight-bit floating point (torchao): which weights it takes, in the one rule that all families share.

The memory that LoadStreamModel shows is computed from the names and shapes in files' headers, before
anything is loaded. So the rule is about names and shapes, and quantisation asks the same rule.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from torch import nn

from ..errors import SettingError

SIDE = 16
"""Float8 kernels need matrices whose sides are multiples of it."""
TABLES = ("embed_tokens.weight", "pos_embed.weight")
"""Ends of names of embedding tables: matrices that nothing is multiplied with."""


def is_matrix(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a parameter is a matrix that float8 kernels multiply with."""
    return len(shape) == 2 and not any(side % SIDE for side in shape) and not name.endswith(TABLES)


def takes(module: nn.Module, name: str) -> bool:
    """The rule as torchao's ``filter_fn``: whether a module of this name has its weight quantised."""
    return isinstance(module, nn.Linear) and is_matrix(f"{name}.weight", tuple(module.weight.shape))


def torchao_quantization() -> ModuleType:
    """torchao's quantisation; raises SettingError where it is not installed."""
    try:
        return import_module("torchao.quantization")
    except ImportError as error:
        raise SettingError(
            "dtype fp8 needs torchao: install it (pip install torchao), or use bf16."
        ) from error

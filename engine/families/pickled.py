"""``.pt`` files: training checkpoints, read without running any code that they hold."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError, one_line

SUFFIXES = (".pt", ".pth")
WRAPPING = ("generator_ema", "generator", "generator_lora", "state_dict", "model")
"""Entries of training checkpoints that hold the weights, the averaged ones first."""


def load_pickled(path: Path, device: str = "cpu") -> dict[str, torch.Tensor]:
    """The tensors of a ``.pt``, out of what wraps them.

    ``weights_only`` refuses anything but tensors and plain containers.

    Args:
        device: ``"meta"`` reads the shapes only.

    Raises:
        CheckpointError: damaged, no weights, or a pickle that wants to run code.
    """
    try:
        content: Any = torch.load(path, map_location=device, weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path.name} holds more than weights and could run code: use a .safetensors release."
        ) from error
    except (OSError, RuntimeError, EOFError) as error:
        line = one_line(error, 120)
        raise CheckpointError(f"{path.name} is damaged or cut off ({line}): download it again.") from error
    while isinstance(content, Mapping):
        inner = next((name for name in WRAPPING if isinstance(content.get(name), Mapping)), None)
        if inner is None:
            return {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}
        content = content[inner]
    raise CheckpointError(f"{path.name} holds no weights by name: use another release.")

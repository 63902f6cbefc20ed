"""``.pt`` files: training checkpoints, read without running any code that they hold."""

from __future__ import annotations

import pickle
import zipfile
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
    _check_archive(path)
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
            tensors = {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}
            for name, tensor in tensors.items():
                _check_stored(path, str(name), tensor)
            return tensors
        content = content[inner]
    raise CheckpointError(f"{path.name} holds no weights by name: use another release.")


def _check_archive(path: Path) -> None:
    """Raise CheckpointError where an archive would grow while it is read; torch compresses nothing."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not stored or sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise CheckpointError(f"{path.name} is compressed inside, as no release is: get another one.")
        for entry in entries:
            if entry.filename.endswith("data.pkl") and _makes_bytes(archive.read(entry)):
                raise CheckpointError(f"{path.name} makes more than it stores: use a .safetensors release.")


def _makes_bytes(pickled: bytes) -> bool:
    """Whether a pickle calls ``bytearray``, which weights_only allows, and which takes any length."""
    return b"bytearray" in pickled


def _check_stored(path: Path, name: str, tensor: torch.Tensor) -> None:
    """Raise CheckpointError for a tensor that repeats what is stored, and would grow when it is converted."""
    if tensor.is_sparse or tensor.is_quantized or tensor.layout is not torch.strided:
        raise CheckpointError(f"{path.name} holds {name} as no plain tensor: use a .safetensors release.")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise CheckpointError(f"{path.name} stores less of {name} than it says: use a .safetensors release.")

"""``.pt`` files: training checkpoints, read without running any code that they hold."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError, one_line

SUFFIXES = (".pt", ".pth")
WRAPPING = ("generator_ema", "generator", "generator_lora", "state_dict", "model")
"""Entries of training checkpoints that hold the weights, the averaged ones first."""


@dataclass(frozen=True)
class Pickled:
    """What a ``.pt`` holds.

    Attributes:
        tensors: by name, out of what wraps them.
        said: the texts beside them, such as ``checkpoint_format``.
        entry: which entry they were in, ``""`` where they lay at the top.
        left: entries with other weights, which were not taken.
    """

    tensors: dict[str, torch.Tensor]
    said: dict[str, str]
    entry: str = ""
    left: tuple[str, ...] = ()


def load_pickled(path: Path, device: str = "cpu", averaged: bool = True) -> Pickled:
    """The tensors and texts of a ``.pt``.

    ``weights_only`` refuses anything but tensors and plain containers.

    Args:
        device: ``"meta"`` reads the shapes only.
        averaged: takes ``generator_ema`` where there is ``generator`` too.

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
    wrapping = WRAPPING if averaged else (*WRAPPING[1:], WRAPPING[0])
    said: dict[str, str] = {}
    entry, left = "", tuple[str, ...]()
    while isinstance(content, Mapping):
        said |= {str(name): text for name, text in content.items() if isinstance(text, str)}
        inner = [name for name in wrapping if isinstance(content.get(name), Mapping)]
        if not inner:
            tensors = {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}
            for name, tensor in tensors.items():
                _check_stored(path, str(name), tensor)
            return Pickled(tensors, said, entry, left)
        if not entry:
            entry, left = inner[0], tuple(inner[1:])
        content = content[inner[0]]
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

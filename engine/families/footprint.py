"""How much memory a checkpoint's weights take, read from the headers of its files before any is loaded."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import torch

from ..errors import CheckpointError
from .base import ModelHandle
from .note import shared_parts
from .pickled import SUFFIXES as PICKLED
from .pickled import load_pickled

HEADER_LIMIT = 100_000_000
"""The format's own limit for a header, in bytes."""

Quantised = Callable[[str, str, tuple[int, ...]], bool]

UNUSED = ("lm_head.", "model.lm_head.")
"""Stored in some files and never loaded."""


def footprint(
    handle: ModelHandle, dtype: torch.dtype, quantised: Quantised = lambda part, name, shape: False
) -> dict[str, int]:
    """Bytes of each part of a model on the device.

    Args:
        handle: what will be loaded.
        dtype: of all weights but those that are quantised.
        quantised: whether ``fp8`` takes a weight, by its part, name and shape; it then is one byte a value.

    Returns:
        Bytes by the part's name (``unet``, ``text_encoder``, ...), the largest first.
    """
    fp8 = handle.dtype == "fp8"
    sizes: dict[str, int] = {}
    for part, file in _files(handle):
        sizes[part] = sizes.get(part, 0) + sum(
            math.prod(shape) * (1 if fp8 and quantised(part, name, shape) else dtype.itemsize)
            for name, shape in tensor_shapes(file).items()
            if not name.startswith(UNUSED)
        )
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors of a safetensors or ``.pt`` file; empty where its header can't be read."""
    if path.suffix in PICKLED:
        try:
            return {name: tuple(tensor.shape) for name, tensor in load_pickled(path, "meta").tensors.items()}
        except CheckpointError:
            return {}
    try:
        return read_header(path)[0]
    except (OSError, ValueError, RecursionError):
        return {}


def read_header(path: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """Shapes and texts of a safetensors file; its data isn't touched, and may be larger than memory.

    Raises:
        OSError: there is no such file.
        ValueError: it does not begin as a safetensors file does.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > HEADER_LIMIT:
            raise ValueError("its header is too long")
        header = json.loads(file.read(length))
    try:
        said = header.pop("__metadata__", None) or {}
        shapes = {name: tuple(entry["shape"]) for name, entry in header.items()}
        return shapes, {name: text for name, text in said.items() if isinstance(text, str)}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its header has no {error}") from error


def _files(handle: ModelHandle) -> list[tuple[str, Path]]:
    """Every file that will be read, with the name of its part."""
    root = Path(handle.checkpoint)
    files = [(_part(file, root), file) for file in sorted(root.rglob("*.safetensors"))]
    if not root.is_dir():
        files = [("model", root)]
    replaced = {"vae": handle.autoencoder, "text_encoder": handle.text_encoder}
    files = [(part, file) for part, file in files if not replaced.get(part)]
    chosen = [(part, file) for part, path in replaced.items() if path for file in _weights(Path(path))]
    shared = [
        (part, file)
        for part, path in shared_parts(root).items()
        if not replaced.get(part)
        for file in _weights(path)
    ]
    return [*files, *chosen, *shared, *([("lora", Path(handle.lora))] if handle.lora else [])]


def _part(file: Path, root: Path) -> str:
    inside = file.relative_to(root).parts
    return inside[0] if len(inside) > 1 else "model"


def _weights(path: Path) -> list[Path]:
    """The files behind a widget's choice; half of a TAESD stands for both."""
    if path.is_dir():
        return sorted(path.glob("*.safetensors"))
    names = {path.name, path.name.replace("decoder", "encoder"), path.name.replace("encoder", "decoder")}
    return sorted(half for name in names if (half := path.with_name(name)).exists())

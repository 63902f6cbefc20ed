"""Whether what a checkpoint's descriptions say can be true, before anything is built from them.

A description is a stranger's. Sizes that no weights beside it have would be allocated, layers that are
nowhere stored would be built one by one, and no cancelling ends either.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, LiveStyleError, one_line
from .base import ModelHandle
from .footprint import tensor_shapes
from .note import shared_parts

LONGEST = 1 << 20
"""Bytes of a description; real ones have a few thousand."""

DEEPEST = 64
"""Brackets within brackets."""

LARGEST = 1 << 25
"""Any number that is no size: positions, timesteps, pixels."""

MOST_LAYERS = 1000

SLACK = 1024
"""A size up to here costs little, whatever the weights are."""

SLACK_LAYERS = 64

UNWEIGHED = 1 << 18
"""The largest size where no weights lie beside the description."""

_LAYERS = re.compile(r"layers?(?!_?norm)|depth|blocks?$")
_HEADS = re.compile(r"heads$")
_NO_SIZE = re.compile(
    r"position|theta|token|max|length|seq|step|edge|pixels|seed|window|distance|sample|image"
)
_TOKENIZER = re.compile(r"token|vocab|merges|\.index\.json$")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what a library raises over a checkpoint into one line; lack of memory is told by its cause."""
    try:
        yield
    except LiveStyleError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{path.name} can't be read as a checkpoint ({one_line(error, 120)}): get it again, or choose "
            f"another."
        ) from error


def check_descriptions(path: Path) -> None:
    """Raise CheckpointError where a JSON file of a checkpoint is too long or too deep to be a description."""
    for file in _descriptions(path):
        _read(file)


def check_sizes(handle: ModelHandle) -> None:
    """Hold every size in a model's descriptions to the tensors that are stored beside it.

    Raises:
        CheckpointError: one is larger than any of them, or there are more layers than tensors.
    """
    root = Path(handle.checkpoint)
    chosen = {"text_encoder": handle.text_encoder, "vae": handle.autoencoder}
    for folder in (root, *shared_parts(root).values(), *(Path(path) for path in chosen.values() if path)):
        for file in _descriptions(folder):
            beside = chosen.get(file.parent.name) if folder == root else ""
            largest, layers = _stored(Path(beside) if beside else file.parent, file)
            for name, number in _numbers(_read(file), ""):
                _check(file, name, number, largest, layers)


def _check(file: Path, name: str, number: float, largest: int, layers: int) -> None:
    limit = LARGEST
    if file.name == "preprocessor_config.json" or _NO_SIZE.search(name):
        pass
    elif _LAYERS.search(name):
        limit = layers
    else:
        limit = largest
    where = f"{file.parent.name}/{file.name}"
    if not math.isfinite(number) or abs(number) > limit:
        raise CheckpointError(
            f"{where} says {name} {number:.10g}, its weights have room for {limit}: get the checkpoint again."
        )
    if number < 1 and _HEADS.search(name):
        raise CheckpointError(f"{where} says {name} {number:g}: get the checkpoint again.")


def _stored(folder: Path, description: Path) -> tuple[int, int]:
    """(the largest size, the most layers) that the weights beside a description allow."""
    files = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else [folder]
    own = description.with_suffix(".safetensors")
    files = [own] if own in files else files
    shapes = [
        shape
        for file in files
        for shape in tensor_shapes(file).values()
        if 0 < math.prod(shape) <= file.stat().st_size  # no tensor without bytes counts
    ]
    if not shapes:
        return UNWEIGHED, MOST_LAYERS
    largest = max(max(shape, default=1) for shape in shapes)
    return max(largest, SLACK), min(max(len(shapes), SLACK_LAYERS), MOST_LAYERS)


def _descriptions(path: Path) -> list[Path]:
    """The JSON files of a checkpoint folder or file, without those of tokenizers."""
    if path.is_dir():
        return [file for file in sorted(path.rglob("*.json")) if not _TOKENIZER.search(file.name)]
    beside = path.with_suffix(".json")
    return [beside] if beside.exists() else []


def _read(file: Path) -> Any:
    """The content of a description; None where it is no JSON, which its reader will say better."""
    with reading(file):
        if file.stat().st_size > LONGEST:
            raise CheckpointError(f"{file.name} of {file.parent.name} is too long for a description.")
        try:
            content = json.loads(file.read_bytes())
        except RecursionError:
            content, deep = None, True
        except ValueError:
            return None
        else:
            deep = _deep(content, DEEPEST)
    if deep:
        raise CheckpointError(f"{file.name} of {file.parent.name} is nested too deep: get it again.")
    return content


def _deep(value: Any, left: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left < 0 or any(_deep(each, left - 1) for each in inner)


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    """All numbers of a description with the name that each has; those of a list have the list's."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, value

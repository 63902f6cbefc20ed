"""What a checkpoint says of itself: its name, its texts and its shapes, without loading a weight."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ...errors import CheckpointError, one_line
from ..footprint import read_header
from ..pickled import SUFFIXES as PICKLED
from ..pickled import load_pickled

HEADER_TEXTS = ("checkpoint_format", "model_name", "modelspec.title")
"""Texts in a file that may name the checkpoint; the others, such as a prompt, may say anything."""

PROFILE_TEXT = "livestyle.profile"
"""Text of a header that names the profile itself (``scripts/export.py causal``)."""


@dataclass(frozen=True)
class Evidence:
    """What can be known before loading.

    Attributes:
        name: of the file or folder, with its parent's: ``framewise/causal_forcing.pt``.
        tensors: on the meta device, under the names in the file.
        header: texts of the file that may name the checkpoint.
        profile: what its header says that it is played as, ``""`` mostly.
        causal: whether ComfyUI's header says that the network is causal.
        entry: which entry of a ``.pt`` is read.
        left: other entries with weights.
    """

    name: str
    tensors: Mapping[str, torch.Tensor]
    header: str = ""
    causal: bool = False
    entry: str = ""
    left: tuple[str, ...] = ()
    profile: str = ""

    @property
    def file(self) -> str:
        """The name alone, for a line that the artist reads."""
        return self.name.rpartition("/")[2]


@dataclass
class _Read:
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    entry: str = ""
    left: tuple[str, ...] = ()


def read_evidence(path: Path, files: Sequence[Path]) -> Evidence:
    """What the files of a checkpoint say.

    Args:
        path: of the checkpoint, whose name counts.
        files: of its network's weights, ``.safetensors`` or ``.pt``.

    Raises:
        CheckpointError: a file is damaged, or a pickle that wants to run code.
    """
    read = _Read()
    for file in files:
        if file.suffix in PICKLED:
            content = load_pickled(file, "meta")
            read.tensors |= content.tensors
            read.said |= content.said
            read.entry, read.left = content.entry, content.left
        else:
            _read_header(file, read)
    header = " ".join(read.said[name] for name in HEADER_TEXTS if name in read.said)
    name = f"{path.parent.name}/{path.name}"
    causal, profile = _says_causal(read.said), read.said.get(PROFILE_TEXT, "")
    return Evidence(name, read.tensors, header, causal, read.entry, read.left, profile)


def _read_header(file: Path, read: _Read) -> None:
    try:
        shapes, said = read_header(file)
    except (OSError, ValueError, RecursionError) as error:
        line = one_line(error, 120)
        raise CheckpointError(f"{file.name} is damaged or cut off ({line}): download it again.") from error
    read.tensors |= {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    read.said |= said


def _says_causal(said: Mapping[str, str]) -> bool:
    """ComfyUI's mark: a JSON text ``config`` whose ``transformer`` has ``causal_ar``."""
    try:
        return bool(json.loads(said.get("config", "{}"))["transformer"]["causal_ar"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False

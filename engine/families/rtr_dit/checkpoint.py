"""Reads a causal Wan network from any of the layouts that it is published in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ...errors import CheckpointError, one_line
from ...networks.causal_wan import CausalWan, CausalWanConfig
from ...networks.causal_wan.keys import infer_config, original_keys
from ..base import ModelHandle
from ..footprint import tensor_shapes
from ..note import NOTE, read_note
from ..pickled import SUFFIXES as PICKLED
from ..pickled import load_pickled
from .evidence import read_evidence
from .profile import Profile
from .recognise import Recognition, check_lora, recognise

WEIGHTS, CONFIG = "diffusion_pytorch_model.safetensors", "config.json"
FAMILY = "rtr_dit"


def recognises(path: Path) -> bool:
    """Whether a folder says that it is of this family, or a file holds a Wan network.

    A ``.pt`` file is taken for one by its suffix: to look inside is to load it.
    """
    if path.is_dir():
        if (path / NOTE).exists():
            return read_note(path).get("family") == FAMILY
        index = read_note(path, "model_index.json").get("_class_name", "")
        inner = read_note(path / "transformer", CONFIG)
        return str(index).startswith("WanPipeline") or "Wan" in str(inner.get("_class_name", ""))
    if path.suffix in PICKLED:
        return True
    return any(name.endswith("patch_embedding.weight") for name in tensor_shapes(path))


def read_tensors(path: Path, averaged: bool = True) -> dict[str, torch.Tensor]:
    """All tensors of a ``.safetensors`` or ``.pt`` file, on the CPU, out of what wraps them.

    Args:
        averaged: takes a ``.pt`` file's ``generator_ema`` where there is ``generator`` too.

    Raises:
        CheckpointError: damaged, or a pickle that wants to run code.
    """
    if path.suffix in PICKLED:
        return load_pickled(path, averaged=averaged).tensors
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        line = one_line(error, 120)
        raise CheckpointError(f"{path.name} is damaged or cut off ({line}): download it again.") from error


@dataclass(frozen=True)
class Parts:
    """Where a checkpoint's network is, and what is written beside it.

    Attributes:
        files: of weights.
        note: ``livestyle.json``, or what a ``.json`` of the file's name says.
        heads: attention heads, 0 where nothing tells.
    """

    files: tuple[Path, ...]
    note: dict[str, Any]
    heads: int

    @classmethod
    def of(cls, path: Path) -> Parts:
        """Of a file or folder; raises CheckpointError where there is no weight."""
        folder = path if path.is_dir() else path.parent
        if path.is_dir() and (path / "transformer").is_dir():
            folder = path / "transformer"
        note = read_note(path) if path.is_dir() else read_note(path.parent, f"{path.stem}.json")
        files = sorted(folder.glob("*.safetensors")) if path.is_dir() else [path]
        if not files:
            raise CheckpointError(f"Checkpoint {path.name} holds no .safetensors file: get the whole folder.")
        described = read_note(folder, CONFIG).get("num_attention_heads", 0)
        return cls(tuple(files), note, int(note.get("network", {}).get("heads", 0) or described))


def recognised(handle: ModelHandle) -> tuple[Recognition, str]:
    """What a handle's checkpoint is played as, and the node's line on it; see ``recognise`` for errors."""
    path = Path(handle.checkpoint)
    parts = Parts.of(path)
    evidence = read_evidence(path, parts.files)
    found = recognise(evidence, parts.note, handle.profile, parts.heads)
    if handle.lora:
        lora = Path(handle.lora)
        name = f"{lora.parent.name}/{lora.name}"
        check_lora(name, read_evidence(lora, [lora]).tensors, found)
    return found, found.line(evidence)


def load_network(path: Path, profile: Profile, dtype: torch.dtype) -> CausalWan:
    """The network of a file or folder.

    Args:
        path: a file, which a ``.json`` of the same name may describe; or a folder with
            ``livestyle.json``, or in diffusers' layout (its network in ``transformer``).
        profile: what it is played with, which says which of a ``.pt`` file's weights are taken.
        dtype: of the weights.

    Raises:
        CheckpointError: a file is missing, damaged, or no causal Wan text-to-video network.
    """
    parts = Parts.of(path)
    tensors: dict[str, torch.Tensor] = {}
    for file in parts.files:
        tensors |= read_tensors(file, profile.averaged)
    named = original_keys(tensors)
    return _build(infer_config(named, parts.heads), named, path.name, dtype)


def _build(
    config: CausalWanConfig, tensors: dict[str, torch.Tensor], name: str, dtype: torch.dtype
) -> CausalWan:
    with torch.device("meta"):
        net = CausalWan(config)
    wanted = {key: tensor.shape for key, tensor in net.state_dict().items()}
    missing = sorted(
        key for key, shape in wanted.items() if key not in tensors or tensors[key].shape != shape
    )
    if missing:
        raise CheckpointError(
            f"{name} lacks {missing[0]} ({len(missing)} tensors in all): get a complete release."
        )
    net.load_state_dict({key: tensors[key].to(dtype) for key in wanted}, assign=True)
    return net.requires_grad_(False).eval()

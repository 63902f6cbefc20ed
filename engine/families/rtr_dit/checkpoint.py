"""Reads a causal Wan network from any of the layouts that it is published in."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from ...errors import CheckpointError, one_line
from ...networks.causal_wan import CausalWan, CausalWanConfig
from ...networks.causal_wan.keys import infer_config, original_keys
from ..note import NOTE, read_note
from ..pickled import SUFFIXES as PICKLED
from ..pickled import load_pickled
from .profile import Profile, guess_profile

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
    try:
        with safe_open(path, "pt") as file:
            return any(name.endswith("patch_embedding.weight") for name in file.keys())
    except (OSError, SafetensorError):
        return False


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a ``.safetensors`` or ``.pt`` file, on the CPU, out of what wraps them.

    Raises:
        CheckpointError: damaged, or a pickle that wants to run code.
    """
    if path.suffix in PICKLED:
        return load_pickled(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        line = one_line(error, 120)
        raise CheckpointError(f"{path.name} is damaged or cut off ({line}): download it again.") from error


def load_network(path: Path, dtype: torch.dtype) -> tuple[CausalWan, Profile]:
    """The network of a file or folder, and what it expects.

    Args:
        path: a file, which a ``.json`` of the same name may describe; or a folder with
            ``livestyle.json``, or in diffusers' layout (its network in ``transformer``).
        dtype: of the weights.

    Raises:
        CheckpointError: a file is missing, damaged, or no causal Wan text-to-video network.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and (path / "transformer").is_dir():
        folder = path / "transformer"
    note = read_note(path) if path.is_dir() else read_note(path.parent, f"{path.stem}.json")
    files = sorted(folder.glob("*.safetensors")) if path.is_dir() else [path]
    if not files:
        raise CheckpointError(f"Checkpoint {path.name} holds no .safetensors file: get the whole folder.")
    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        tensors |= read_tensors(file)
    named = original_keys(tensors)
    heads = int(
        note.get("network", {}).get("heads", 0) or read_note(folder, CONFIG).get("num_attention_heads", 0)
    )
    config = infer_config(named, heads)
    net = _build(config, named, path.name, dtype)
    if "profile" in note:
        return net, Profile.from_json(note["profile"])
    return net, guess_profile(f"{path.parent.name}/{path.name}", config)


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

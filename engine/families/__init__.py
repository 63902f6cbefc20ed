"""Which family a checkpoint belongs to, and how it is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ..errors import CheckpointError
from .base import ModelHandle, StreamModel
from .footprint import footprint
from .mllm_edit.loader import load as load_mllm_edit
from .mllm_edit.loader import recognises as recognises_mllm_edit
from .releases import find_release
from .rtr_dit.checkpoint import recognises as recognises_rtr_dit
from .rtr_dit.loader import load as load_rtr_dit
from .stream_dit.checkpoint import Description as StreamDiTDescription
from .stream_dit.loader import load as load_stream_dit
from .streamedit_dit.checkpoint import Description as StreamEditDiTDescription
from .streamedit_dit.loader import load as load_streamedit_dit

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
DEMO = "demo: "
"""How the names of checkpoints that come with the pack begin."""
PICKLES = {".ckpt", ".bin", ".pkl"}
"""Refused by their suffix; ``.pt`` files, as causal video models are published, are read weights_only."""


def demo_checkpoints() -> dict[str, Path]:
    """The checkpoints that come with the pack, by the name shown in the list."""
    return {
        f"{DEMO}{json.loads(note.read_text())['family'].replace('_', '-')}": note.parent
        for note in sorted(WEIGHTS.glob("*/livestyle.json"))
    }


def demo_adapters() -> dict[str, Path]:
    """The temporal adapters that come with the pack, by the name shown in the list."""
    return {f"demo: {path.parent.name}": path for path in sorted(WEIGHTS.glob("*/lllite.safetensors"))}


def probe(path: Path) -> str:
    """The family of a checkpoint folder or file.

    Raises:
        CheckpointError: there is nothing, it is a pickle, or no family knows it.
    """
    if not path.exists():
        release = find_release(path.name)
        where = f"get it from {release.source}" if release else "pick another"
        raise CheckpointError(
            f"Checkpoint {path.name} doesn't exist: {where} or put it in models/stream_models."
        )
    if path.suffix.lower() in PICKLES:
        raise CheckpointError(
            f"{path.name} is a pickle file, which could run code: use a .safetensors release."
        )
    if path.is_dir() and recognises_mllm_edit(path):
        return "mllm_edit"
    for description in (StreamDiTDescription, StreamEditDiTDescription):
        if path.is_dir() and description.recognises(path):
            return description.FAMILY
    if recognises_rtr_dit(path):
        return "rtr_dit"
    if path.is_file():
        raise CheckpointError(
            f"{path.name} holds no causal Wan network, the one kind that is loaded from a single file: "
            "pick another or a checkpoint folder."
        )
    raise CheckpointError(
        f"{path.name} is no checkpoint folder of a known family (neither its model_index.json nor its "
        "config.json names one): pick another."
    )


def load_model(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> StreamModel:
    """Load a checkpoint's weights to a device; see the family's loader for errors.

    Weights are made outside inference mode, so that they can be moved and patched later.
    """
    loaders = {
        "mllm_edit": load_mllm_edit,
        "rtr_dit": load_rtr_dit,
        "stream_dit": load_stream_dit,
        "streamedit_dit": load_streamedit_dit,
    }
    load = loaders[probe(Path(handle.checkpoint))]
    with torch.inference_mode(False), torch.no_grad():
        return load(handle, device, dtype)


def estimate_bytes(handle: ModelHandle, dtype: torch.dtype) -> int:
    """Bytes of weights that a model will take on the device, from its files' headers."""
    return sum(footprint(handle, dtype).values())

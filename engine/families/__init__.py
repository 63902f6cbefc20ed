"""Which family a checkpoint belongs to, and how it is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ..errors import CheckpointError
from .base import ModelHandle, StreamModel
from .mllm_edit import loader as mllm_edit

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
PICKLES = {".ckpt", ".pt", ".pth", ".bin", ".pkl"}


def demo_checkpoints() -> dict[str, Path]:
    """The checkpoints that come with the pack, by the name shown in the list."""
    return {
        f"demo: {json.loads(note.read_text())['family'].replace('_', '-')}": note.parent
        for note in sorted(WEIGHTS.glob("*/livestyle.json"))
    }


def probe(path: Path) -> str:
    """The family of a checkpoint folder.

    Raises:
        CheckpointError: there is nothing, it is a pickle, or no family knows it.
    """
    if not path.exists():
        raise CheckpointError(
            f"Checkpoint {path.name} doesn't exist: pick another or put it in models/stream_models."
        )
    if path.suffix.lower() in PICKLES:
        raise CheckpointError(
            f"{path.name} is a pickle file, which could run code: use a .safetensors release."
        )
    if path.is_dir() and mllm_edit.recognises(path):
        return "mllm_edit"
    if path.is_file():
        raise CheckpointError(
            f"{path.name} is a single file: this release loads MLLM-edit checkpoint folders only."
        )
    raise CheckpointError(
        f"{path.name} is no MLLM-edit checkpoint folder (its model_index.json names no DreamLite pipeline): "
        "pick another."
    )


def load_model(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> StreamModel:
    """Load a checkpoint's weights to a device; see the family's loader for errors.

    Weights are made outside inference mode, so that they can be moved and patched later.
    """
    probe(Path(handle.checkpoint))
    with torch.inference_mode(False), torch.no_grad():
        return mllm_edit.load(handle, device, dtype)


def estimate_bytes(handle: ModelHandle) -> int:
    """Bytes of weights that a checkpoint will need, from its files (which hold 16-bit weights)."""
    folder = Path(handle.checkpoint)
    size = sum(p.stat().st_size for p in folder.rglob("*.safetensors")) if folder.is_dir() else 0
    for extra in (handle.autoencoder, handle.text_encoder):
        if extra and Path(extra).exists():
            files = Path(extra).rglob("*.safetensors") if Path(extra).is_dir() else [Path(extra)]
            size += sum(p.stat().st_size for p in files)
    return size * (2 if handle.dtype == "fp32" else 1)

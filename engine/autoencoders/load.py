"""Which streaming video autoencoder a file or folder holds."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ..errors import CheckpointError, one_line
from . import taehv
from .taehv import load_taehv
from .video import VideoAutoencoder
from .wan import load_wan


def load_video_autoencoder(path: Path, dtype: torch.dtype) -> VideoAutoencoder:
    """Load ``demo-video``, a published TAEHV file, or Wan's VAE (diffusers folder or one file).

    Raises:
        CheckpointError: nothing there, damaged, or none of these.
    """
    return load_taehv(path, dtype) if _is_taehv(path) else load_wan(path, dtype)


def _is_taehv(path: Path) -> bool:
    try:
        if path.is_dir():
            return json.loads((path / taehv.CONFIG).read_text()).get("_class_name") == taehv.CLASS
        if path.suffix != ".safetensors":
            raise CheckpointError(f"Autoencoder {path.name} is no .safetensors file: use such a release.")
        with safe_open(path, "pt") as file:
            names = set(file.keys())
        return bool({"decoder.1.weight", "decoder.1.conv.0.weight"} & names)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"Autoencoder {path.name} can't be read, get it again: {one_line(error)}"
        ) from error

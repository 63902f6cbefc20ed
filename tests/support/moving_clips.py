"""Short synthetic clips whose motion is known, and a model to restyle them with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from sample_pictures import picture
from tiny_checkpoint import write_tiny_checkpoint
from tiny_lllite import random_adapter

from livestyle.engine.families import load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.mllm_edit.model import MLLMEditModel
from livestyle.engine.networks.lllite_file import save_lllite
from livestyle.lab.evaluation.clips import Clip


def panning(name: str, frames: int, side: int = 64, seed: int = 0) -> Clip:
    """A picture that moves one pixel to the left a frame."""
    wide = picture(side + frames, seed)
    return Clip(name, np.stack([wide[:side, at : at + side] for at in range(frames)]))


def tiny_model(folder: Path) -> MLLMEditModel:
    """The random checkpoint of ``tiny_checkpoint``, on the CPU in float32."""
    handle = ModelHandle(str(write_tiny_checkpoint(folder)))
    return load_model(handle, torch.device("cpu"), torch.float32)


def tiny_adapter(model: MLLMEditModel, path: Path) -> Path:
    """A random adapter that fits ``model``, on the disk."""
    save_lllite(path, random_adapter(model.denoiser.unet), {})
    return path

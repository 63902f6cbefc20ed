"""the demo checkpoint's temporal adapter"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from ...engine.families import load_model
from ...engine.families.base import ModelHandle
from ...engine.networks.lllite_file import save_lllite
from ..commands import train_options as common
from ..training.loop import LoopConfig
from ..training.windows import draw_windows
from .training.temporal_lllite import TemporalRecipe, train_temporal_lllite
from .training.text import load_text

DEFAULT = LoopConfig(steps=1300, learning_rate=5e-3, warmup=20, cooldown=0.4, muon=True, seed=11)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--windows", type=int, default=400, help="how many runs of consecutive frames")
    parser.add_argument("--size", type=int, default=256, help="side of a frame in pixels")
    parser.add_argument("--checkpoint", type=Path, default=common.WEIGHTS / "mllm-edit")


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "temporal-lllite"
    target.mkdir(parents=True, exist_ok=True)
    model = load_model(ModelHandle(str(arguments.checkpoint)), torch.device("cpu"), torch.float32)
    _, related = load_text(arguments.runs / "text" / "model")
    length = 2 * TemporalRecipe.chunk + 1
    drawn = draw_windows(arguments.videos, arguments.windows, length, arguments.size, arguments.seed)
    config = common.loop(arguments, DEFAULT)
    adapter = train_temporal_lllite(
        np.stack(list(drawn)),
        model.denoiser,
        model.autoencoder,
        model.encoder,
        related,
        arguments.runs / "temporal-lllite",
        config,
    )
    about = {"base": arguments.checkpoint.name, "step": str(config.steps), "seed": str(config.seed)}
    save_lllite(target / "lllite.safetensors", adapter, about)
    return target

"""the paper's LCM-LoRA case study: it steadies by smoothing, so look at the sharpness too"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from ...engine.families import load_model
from ...engine.families.base import ModelHandle
from ..commands import train_options as common
from ..training.loop import LoopConfig
from ..training.windows import draw_windows
from .training.lcm_lora import save_lora, train_lcm_lora
from .training.text import load_text

DEFAULT = LoopConfig(steps=300, learning_rate=1e-3, warmup=30, cooldown=0.4, seed=5)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--frames", type=int, default=400, help="how many source frames")
    parser.add_argument("--size", type=int, default=256, help="side of a frame in pixels")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--checkpoint", type=Path, default=common.WEIGHTS / "mllm-edit")


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or arguments.runs / "lcm-lora"
    target.mkdir(parents=True, exist_ok=True)
    model = load_model(ModelHandle(str(arguments.checkpoint)), torch.device("cpu"), torch.float32)
    _, related = load_text(arguments.runs / "text" / "model")
    drawn = draw_windows(arguments.videos, arguments.frames, 1, arguments.size, arguments.seed)
    lora = train_lcm_lora(
        np.concatenate(list(drawn)),
        model.denoiser,
        model.autoencoder,
        model.encoder,
        related,
        arguments.runs / "lcm-lora",
        common.loop(arguments, DEFAULT),
        rank=arguments.rank,
    )
    save_lora(target / "lcm_lora.safetensors", lora)
    return target

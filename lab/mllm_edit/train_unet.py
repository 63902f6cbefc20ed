"""the demo checkpoint's edit U-Net; packs the checkpoint"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ...engine.autoencoders.image import load_image_autoencoder
from ..commands import train_options as common
from ..training import package
from ..training.loop import LoopConfig
from .training.text import load_text
from .training.unet import train_unet

DEFAULT = LoopConfig(steps=13300, learning_rate=1.5e-3, warmup=150, cooldown=0.5, muon=True, seed=7)
FAVOURED = {"pixel": 6.0, "cel": 4.0, "pencil": 3.0, "oil": 2.0}  # those that take longest to learn


def options(parser: argparse.ArgumentParser) -> None:
    common.add_pool(parser)


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "mllm-edit"
    runs: Path = arguments.runs
    encoder, related = load_text(runs / "text" / "model")
    denoiser = train_unet(
        common.pool(arguments),
        load_image_autoencoder(common.WEIGHTS / "demo-image", torch.float32),
        encoder,
        related,
        runs / "mllm-edit",
        common.loop(arguments, DEFAULT),
        favoured=FAVOURED,
    )
    package.save_mllm_edit(denoiser, encoder, target, "demo-image")
    return target

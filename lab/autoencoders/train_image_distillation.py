"""the image autoencoder ``demo-image``, distilled from what ``autoencoder`` trained"""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusers import AutoencoderTiny

from ..commands import train_options as common
from ..training import package
from ..training.loop import LoopConfig
from .image_distillation import distil
from .video_pairs import paint_windows

DEFAULT = LoopConfig(
    steps=8000, learning_rate=2.5e-3, warmup=30, cooldown=0.6, ema=0.995, seed=1, muon=True, kernels=True
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--teacher", type=Path, help="folder of an AutoencoderTiny (default: RUNS/demo-image)"
    )
    parser.add_argument("--windows", type=int, default=400, help="windows of clips in the pool")


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "demo-image"
    runs: Path = arguments.runs
    teacher = AutoencoderTiny.from_pretrained(arguments.teacher or runs / "demo-image", local_files_only=True)
    windows = paint_windows(
        arguments.videos, runs / "windows", arguments.windows, 17, 144, 7, arguments.threads
    )
    model = distil(teacher, windows, runs / "autoencoder-distillation", common.loop(arguments, DEFAULT))
    package.save_autoencoder(model, target)
    return target

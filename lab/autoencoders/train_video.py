"""the video autoencoder ``demo-video``"""

from __future__ import annotations

import argparse
from pathlib import Path

from ...engine.autoencoders.taehv import save_taehv
from ..commands import train_options as common
from ..training.loop import LoopConfig
from .video_pairs import paint_windows
from .video_training import train_video_autoencoder

DEFAULT = LoopConfig(steps=3000, learning_rate=2e-3, cooldown=0.5, muon=True, kernels=True, seed=7)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--windows", type=int, default=400, help="how many runs of consecutive frames")
    parser.add_argument("--frames", type=int, default=17, help="frames of a window")
    parser.add_argument("--size", type=int, default=144, help="side of a frame in pixels")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "demo-video"
    windows = paint_windows(
        arguments.videos,
        arguments.runs / "windows",
        arguments.windows,
        arguments.frames,
        arguments.size,
        arguments.seed,
        arguments.threads,
    )
    config = common.loop(arguments, DEFAULT)
    folder = arguments.runs / "video-autoencoder"
    save_taehv(train_video_autoencoder(windows, folder, config, device=arguments.device).cpu(), target)
    return target

"""``video-autoencoder``: what does it lose, and what does it cost?"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ...engine.autoencoders.load import load_video_autoencoder
from ...engine.families import WEIGHTS
from ..commands.evaluate_options import save
from ..evaluation.clips import read_clips
from .video_evaluation import cpu_cost, measure


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--autoencoder", type=Path, default=WEIGHTS / "demo-video", help="folder or file")
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips that training never saw")
    parser.add_argument(
        "--part", choices=["", "tune", "test"], default="", help="only that set of lab/training/splits.py"
    )
    parser.add_argument("--frames", type=int, default=33, help="frames of each clip")
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--json", type=Path, help="write all figures there")


def run(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    autoencoder = load_video_autoencoder(arguments.autoencoder, getattr(torch, arguments.dtype))
    clips = read_clips(arguments.clips, arguments.size, arguments.frames, arguments.part)
    report = {
        "autoencoder": arguments.autoencoder.name,
        "clips": [clip.name for clip in clips],
        "part": arguments.part,
        "frames": arguments.frames,
        "size": arguments.size,
        "dtype": arguments.dtype,
        **measure(autoencoder, clips),
        **cpu_cost(autoencoder, arguments.size),
    }
    for key, value in report.items():
        if isinstance(value, float):
            print(f"{key:28} {value:.3f}")
    save(arguments.json, report)

"""What the recipes share: options of the loop and the pool of painted pairs."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from .. import ROOT
from ..training.loop import LoopConfig
from ..training.pairs import paint_pool

WEIGHTS = ROOT / "engine" / "weights"


def add_loop(
    parser: argparse.ArgumentParser, default: LoopConfig, videos: bool = True
) -> argparse.ArgumentParser:
    """Options that every recipe has; one that renders its own clips needs no ``videos``."""
    if videos:
        parser.add_argument(
            "--videos", type=Path, required=True, help="folder of training clips (.mp4, .webm, .mov, .mkv)"
        )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="where state, logs and previews go")
    parser.add_argument("--output", type=Path, help="where the trained weights go")
    parser.add_argument("--steps", type=int, default=default.steps, help="optimiser steps")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument(
        "--profile",
        action="store_true",
        help="report where a step's time goes, stage by stage; nothing is kept",
    )
    parser.add_argument("--json", type=Path, help="write the report there too")
    return parser


def add_device(parser: argparse.ArgumentParser) -> None:
    """Options of a recipe that also runs on a GPU."""
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches for a GPU")


def loop(arguments: argparse.Namespace, default: LoopConfig) -> LoopConfig:
    """The recipe's own loop with the options' steps and seed."""
    return stage(arguments, default, arguments.steps)


def stage(arguments: argparse.Namespace, default: LoopConfig, steps: int) -> LoopConfig:
    """The loop of one stage of a recipe that has several: its own steps, the options' seed and profile."""
    return dataclasses.replace(default, steps=steps, seed=arguments.seed, profile=arguments.profile)


def add_pool(parser: argparse.ArgumentParser) -> None:
    """Options of the pool of painted pairs."""
    parser.add_argument("--crops", type=int, default=1500, help="source crops in the pool of pairs")
    parser.add_argument("--pool-seed", type=int, default=7, help="which crops: the same for all recipes")


def pool(arguments: argparse.Namespace) -> np.ndarray:
    """The pool, painted where there is none yet."""
    return paint_pool(
        arguments.videos,
        arguments.runs / "pool",
        arguments.crops,
        256,
        arguments.pool_seed,
        arguments.threads,
    )

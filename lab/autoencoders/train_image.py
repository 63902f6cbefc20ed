"""the image autoencoder that ``demo-image`` is distilled from"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..commands import train_options as common
from ..training import package
from ..training.loop import LoopConfig
from .image_training import train_autoencoder

DEFAULT = LoopConfig(steps=5000, learning_rate=1.5e-3, cooldown=0.4, seed=1)


def options(parser: argparse.ArgumentParser) -> None:
    common.add_pool(parser)


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or arguments.runs / "demo-image"
    config = common.loop(arguments, DEFAULT)
    model = train_autoencoder(common.pool(arguments), arguments.runs / "autoencoder", config)
    package.save_autoencoder(model, target)
    return target

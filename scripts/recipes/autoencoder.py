"""the image autoencoder ``demo-image``"""

from __future__ import annotations

import argparse
from pathlib import Path

from livestyle.engine.training import package
from livestyle.engine.training.autoencoder import train_autoencoder
from livestyle.engine.training.loop import LoopConfig

from . import common

DEFAULT = LoopConfig(steps=5000, learning_rate=1.5e-3, cooldown=0.4, seed=1)


def options(parser: argparse.ArgumentParser) -> None:
    common.add_pool(parser)


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "demo-image"
    config = common.loop(arguments, DEFAULT)
    model = train_autoencoder(common.pool(arguments), arguments.runs / "autoencoder", config)
    package.save_autoencoder(model, target)
    return target

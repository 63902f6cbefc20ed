"""the demo checkpoint's vision-language encoder"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..commands import train_options as common
from ..training.loop import LoopConfig
from .training.text import save_text, train_text

DEFAULT = LoopConfig(steps=2200, learning_rate=2e-3, cooldown=0.4, seed=3)


def options(parser: argparse.ArgumentParser) -> None:
    common.add_pool(parser)


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or arguments.runs / "text" / "model"
    encoder, related = train_text(
        common.pool(arguments), arguments.runs / "text", common.loop(arguments, DEFAULT)
    )
    save_text(encoder, related, target)
    return target

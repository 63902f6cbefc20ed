"""the video autoencoder ``demo-video``"""

from __future__ import annotations

import argparse
from pathlib import Path

from ...engine.autoencoders.taehv import save_taehv
from ..commands import train_options as common
from ..training.loop import LoopConfig
from .card import write_card
from .footage import read_footage
from .video_training import train_regression, train_texture

DEFAULT = LoopConfig(steps=5000, learning_rate=2.5e-3, cooldown=0.72, muon=True, kernels=True, seed=7)
TEXTURE = LoopConfig(steps=1600, learning_rate=6e-4, cooldown=0.6, ema=0.996, muon=True, kernels=True)


OPTIONS = ("steps", "texture_steps", "batch", "crop", "seed")
"""Options that the model card names."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--styles", type=Path, help="folder of paintings in the public domain, learnt from too"
    )
    parser.add_argument("--texture-steps", type=int, default=TEXTURE.steps, help="of the second stage")
    parser.add_argument("--batch", type=int, default=4, help="windows of a step")
    parser.add_argument("--crop", type=int, default=112, help="side of a window in pixels, a multiple of 8")
    common.add_device(parser)


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "demo-video"
    folder: Path = arguments.runs / "video-autoencoder"
    footage = read_footage(arguments.videos, arguments.styles, folder / "footage", arguments.seed)
    names = ("batch", "crop", "device", "workers")
    shape = {name: getattr(arguments, name) for name in names}
    regression = common.loop(arguments, DEFAULT)
    texture = common.stage(arguments, TEXTURE, arguments.texture_steps)
    model = train_regression(footage, folder / "regression", regression, **shape)
    model = train_texture(model, footage, folder / "texture", texture, **shape)
    save_taehv(model.cpu(), target)
    options = {name: getattr(arguments, name) for name in OPTIONS}
    write_card(target, model, arguments.videos, arguments.styles, options)
    return target

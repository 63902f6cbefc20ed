"""Train LiveStyle's demo checkpoints, or your own, from a folder of videos.

    python scripts/train.py autoencoder       --videos CLIPS
    python scripts/train.py autoencoder-distillation --videos CLIPS
    python scripts/train.py text              --videos CLIPS
    python scripts/train.py mllm-edit         --videos CLIPS
    python scripts/train.py temporal-lllite   --videos CLIPS
    python scripts/train.py lcm-lora          --videos CLIPS
    python scripts/train.py video-autoencoder --videos CLIPS
    python scripts/train.py rtr-dit           --videos CLIPS --styles PICTURES
    python scripts/train.py stream-dit
    python scripts/train.py stream-dit-ablation
    python scripts/train.py streamedit-dit    --videos CLIPS

Every recipe resumes where it was stopped, shows a progress bar and keeps its state and its log in a
run folder. ``mllm-edit`` needs those before it; ``temporal-lllite`` and ``lcm-lora`` need all four;
``rtr-dit``, ``stream-dit`` and ``streamedit-dit`` need the video autoencoder.
``python scripts/train.py RECIPE --help`` lists a recipe's options; ``--profile`` reports where the time of
its steps goes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from ..autoencoders import train_image, train_image_distillation, train_video
from ..mllm_edit import train_lcm_lora, train_temporal_lllite, train_text, train_unet
from ..rtr_dit import train as rtr_dit
from ..stream_dit import train as stream_dit
from ..stream_dit import train_ablation
from ..streamedit_dit import train as streamedit_dit
from ..training.package import weight_hashes
from . import train_options
from .evaluate_options import save

RECIPES = {
    "autoencoder": train_image,
    "autoencoder-distillation": train_image_distillation,
    "text": train_text,
    "mllm-edit": train_unet,
    "temporal-lllite": train_temporal_lllite,
    "lcm-lora": train_lcm_lora,
    "video-autoencoder": train_video,
    "rtr-dit": rtr_dit,
    "stream-dit": stream_dit,
    "stream-dit-ablation": train_ablation,
    "streamedit-dit": streamedit_dit,
}

RENDERED = (stream_dit, train_ablation)
"""Recipes that render their own clips."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    recipes = parser.add_subparsers(dest="recipe", required=True)
    for name, recipe in RECIPES.items():
        parser_of = recipes.add_parser(name, help=recipe.__doc__)
        recipe.options(train_options.add_loop(parser_of, recipe.DEFAULT, recipe not in RENDERED))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.profile:
        with tempfile.TemporaryDirectory() as nowhere:
            arguments.output = Path(nowhere)
            RECIPES[arguments.recipe].run(arguments)
        return
    started = time.monotonic()
    target = RECIPES[arguments.recipe].run(arguments)
    report = {
        "recipe": arguments.recipe,
        "steps": arguments.steps,
        "seed": arguments.seed,
        "output": str(target),
        "seconds": round(time.monotonic() - started),
        "hashes": weight_hashes(target),
    }
    print(json.dumps(report, indent=1))
    save(arguments.json, report)

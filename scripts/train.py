"""Train LiveStyle's demo checkpoints, or your own, from a folder of videos.

    python scripts/train.py autoencoder       --videos CLIPS
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
run folder. ``mllm-edit`` needs the two before it; ``temporal-lllite`` and ``lcm-lora`` need all three;
``rtr-dit``, ``stream-dit`` and ``streamedit-dit`` need the video autoencoder.
``python scripts/train.py RECIPE --help`` lists a recipe's options.
"""

from __future__ import annotations

import argparse
import json
import time

import environment

environment.enter(__file__, "train")

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

import torch  # noqa: E402
from recipes import (  # noqa: E402
    autoencoder,
    common,
    lcm_lora,
    mllm_edit,
    rtr_dit,
    stream_dit,
    stream_dit_ablation,
    streamedit_dit,
    temporal_lllite,
    text,
    video_autoencoder,
)

from livestyle.engine.training.package import weight_hashes  # noqa: E402

RECIPES = {
    "autoencoder": autoencoder,
    "text": text,
    "mllm-edit": mllm_edit,
    "temporal-lllite": temporal_lllite,
    "lcm-lora": lcm_lora,
    "video-autoencoder": video_autoencoder,
    "rtr-dit": rtr_dit,
    "stream-dit": stream_dit,
    "stream-dit-ablation": stream_dit_ablation,
    "streamedit-dit": streamedit_dit,
}

RENDERED = (stream_dit, stream_dit_ablation)
"""Recipes that render their own clips."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    recipes = parser.add_subparsers(dest="recipe", required=True)
    for name, recipe in RECIPES.items():
        parser_of = recipes.add_parser(name, help=recipe.__doc__)
        recipe.options(common.add_loop(parser_of, recipe.DEFAULT, recipe not in RENDERED))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
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
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

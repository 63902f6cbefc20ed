"""Train LiveStyle's demo checkpoints, or your own, from a folder of videos.

    python scripts/train.py autoencoder --videos CLIPS
    python scripts/train.py text        --videos CLIPS
    python scripts/train.py mllm-edit   --videos CLIPS

Every recipe resumes where it was stopped, shows a progress bar and keeps a preview picture in
its run folder. ``mllm-edit`` needs the other two first and packs the checkpoint at the end.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import environment

environment.enter(__file__, "train")

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

import torch  # noqa: E402

from livestyle.engine.training import package  # noqa: E402
from livestyle.engine.training.autoencoder import build as build_autoencoder  # noqa: E402
from livestyle.engine.training.autoencoder import train_autoencoder  # noqa: E402
from livestyle.engine.training.loop import LoopConfig  # noqa: E402
from livestyle.engine.training.mllm_edit import train_unet  # noqa: E402
from livestyle.engine.training.pairs import paint_pool  # noqa: E402
from livestyle.engine.training.text import load_text, save_text, train_text  # noqa: E402

WEIGHTS = pack.ROOT / "engine" / "weights"
DEFAULTS = {
    "autoencoder": LoopConfig(steps=3500, learning_rate=1.5e-3, cooldown=0.4),
    "text": LoopConfig(steps=2500, learning_rate=2e-3, cooldown=0.4),
    "mllm-edit": LoopConfig(steps=4400, learning_rate=1.5e-3, warmup=150, cooldown=0.55, muon=True),
}


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    started = time.monotonic()
    runs: Path = arguments.runs
    pool = paint_pool(
        arguments.videos, runs / "pool", arguments.crops, 256, arguments.seed, arguments.threads
    )
    default = DEFAULTS[arguments.recipe]
    config = LoopConfig(
        **{**vars(default), "seed": arguments.seed, "steps": arguments.steps or default.steps}
    )
    if arguments.recipe == "autoencoder":
        model = train_autoencoder(pool, runs / "autoencoder", config)
        target = arguments.output or WEIGHTS / "demo-image"
        package.save_autoencoder(model, target)
    elif arguments.recipe == "text":
        encoder, related = train_text(pool, runs / "text", config)
        target = arguments.output or runs / "text" / "model"
        save_text(encoder, related, target)
    else:
        encoder, related = load_text(runs / "text" / "model")
        autoencoder = build_autoencoder().from_pretrained(WEIGHTS / "demo-image", local_files_only=True)
        denoiser = train_unet(pool, autoencoder, encoder, related, runs / "mllm-edit", config)
        target = arguments.output or WEIGHTS / "mllm-edit"
        package.save_mllm_edit(denoiser, encoder, target, "demo-image")
    report = {
        "recipe": arguments.recipe,
        "steps": config.steps,
        "seed": config.seed,
        "output": str(target),
        "seconds": round(time.monotonic() - started),
        "hashes": package.weight_hashes(target),
    }
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", choices=DEFAULTS)
    parser.add_argument(
        "--videos", type=Path, required=True, help="folder of training clips (.mp4, .webm, .mov, .mkv)"
    )
    parser.add_argument(
        "--runs", type=Path, default=pack.ROOT / "runs", help="where state, logs and previews go"
    )
    parser.add_argument("--output", type=Path, help="where the trained weights go (default: engine/weights)")
    parser.add_argument("--crops", type=int, default=1500, help="source crops in the pool of pairs")
    parser.add_argument("--steps", type=int, default=0, help="optimiser steps (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    parser.add_argument("--json", type=Path, help="write the report there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""``sheet``: what a checkpoint does, on one page that a person looks at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from ...engine.conditioning.recipe import ConditioningRecipe
from ...engine.families import WEIGHTS
from ...engine.families.base import DenoiseSettings, StreamModel
from ..benchmark.inline import restyle
from ..commands.evaluate_options import load
from ..stream_dit.evaluation.films import draw_cases, film
from ..training.clips import centre_crop, resize_short_side
from .clips import Clip, read_clip
from .prompts import ASK
from .sheet import contact_sheet

FRAMES = 17  # of each clip; a causal family is past its first block then
SHOWN = 12  # the frame on the sheet
FILM = (8, 40)  # the frames of a generated film on the sheet


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, default=WEIGHTS / "mllm-edit", help="checkpoint folder")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="files; none: the model generates")
    parser.add_argument("--prompts", nargs="*", default=[], help="style names or sentences")
    parser.add_argument("--references", type=Path, nargs="*", default=[], help="pictures to follow")
    parser.add_argument("--steps", type=int, default=1, help="denoising steps, where the family can choose")
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--across", type=int, default=6, help="tiles in a row")
    parser.add_argument("--output", type=Path, required=True, help="the sheet, .jpg")


def run(arguments: argparse.Namespace) -> None:
    model, _ = load(arguments.checkpoint)
    columns = restyled(model, arguments) if arguments.clips else generated(model, arguments)
    contact_sheet(columns, arguments.output, arguments.across)
    print(f"Contact sheet: {arguments.output}")


def restyled(model: StreamModel, arguments: argparse.Namespace) -> list[tuple[str, np.ndarray]]:
    """A row a clip: the source, then a tile a prompt and a reference; all uint8 RGB (clips, H, W, 3)."""
    clips = [read_clip(path, arguments.size, FRAMES) for path in arguments.clips]
    columns = [("source", np.stack([clip.pixels[SHOWN] for clip in clips]))]
    columns += [
        (style, _tiles(model, clips, ConditioningRecipe(prompt=ASK.get(style, style)), arguments))
        for style in arguments.prompts
    ]
    for path in arguments.references:
        picture = centre_crop(
            resize_short_side(cv2.imread(str(path))[..., ::-1], arguments.size), arguments.size
        )
        recipe = ConditioningRecipe(references=(torch.from_numpy(picture).float() / 255.0,))
        columns.append((f"like {path.stem}", _tiles(model, clips, recipe, arguments)))
    return columns


def generated(model: StreamModel, arguments: argparse.Namespace) -> list[tuple[str, np.ndarray]]:
    """Films of prompts that training did not draw, two frames side by side: uint8 RGB (1, H, 2 W, 3)."""
    prompts = arguments.prompts or [case.sentence.text for case in draw_cases(12, arguments.seed)]
    films = {each: film(model, each, FILM[-1] + 1, arguments.size, seed=arguments.seed) for each in prompts}
    return [
        (prompt, np.concatenate(pictures[list(FILM)], axis=1)[None]) for prompt, pictures in films.items()
    ]


def _tiles(
    model: StreamModel, clips: Sequence[Clip], recipe: ConditioningRecipe, arguments: argparse.Namespace
) -> np.ndarray:
    settings = DenoiseSettings(steps=arguments.steps, seed=arguments.seed)
    return np.stack(
        [restyle(model, clip.pixels, recipe.prompt, settings, recipe=recipe)[SHOWN] for clip in clips]
    )

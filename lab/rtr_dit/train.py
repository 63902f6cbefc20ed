"""the causal video transformer ``rtr-dit``: triples, teacher, causal student, Self Forcing; packs it"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

from ...engine.autoencoders.load import load_video_autoencoder
from ...engine.autoencoders.video import VideoAutoencoder
from ...engine.networks.causal_wan import CausalWan
from ..autoencoders.video_pairs import open_windows, paint_windows
from ..commands import train_options as common
from ..mllm_edit.training.text import Teacher
from ..training.loop import LoopConfig
from ..training.meanings import Meanings
from .training.batches import Batches, Pool, Sentences
from .training.bidirectional import train_teacher
from .training.ode import record, train_causal
from .training.package import moved_weights, save_rtr_dit
from .training.paintings import paint
from .training.perceptual_loss import PerceptualLoss
from .training.preview import sheets
from .training.recipe import Recipe
from .training.self_forcing import MATCHED, PAIRED, train_student
from .training.sentences import SentenceEncoder, train_sentences
from .training.triples import encode

DEFAULT = LoopConfig(steps=5000, learning_rate=2e-3, warmup=100, cooldown=0.5, muon=True, seed=7)
SENTENCES = LoopConfig(steps=900, learning_rate=2e-3, cooldown=0.4)
LARGE = {"frames": 9, "size": 256}
"""Windows of the second pool: fewer frames of what the demo is used at."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--styles", type=Path, required=True, help="folder of style pictures")
    parser.add_argument(
        "--windows", type=int, default=400, help="clips of 17 frames, 144 pixels (video-autoencoder's pool)"
    )
    parser.add_argument("--pictured", type=int, default=6, help="style pictures that each clip is painted in")
    parser.add_argument("--large-windows", type=int, default=96, help="clips of 9 frames, 256 pixels")
    parser.add_argument("--batch", type=int, default=6, help="clips of a step; a third of it of large ones")
    parser.add_argument("--trajectories", type=int, default=40, help="batches of solved ODEs")
    parser.add_argument("--solver-steps", type=int, default=6, help="steps of the ODE solver")
    parser.add_argument("--causal-steps", type=int, default=300, help="optimiser steps of the regression")
    parser.add_argument(
        "--rollout-steps", type=int, default=800, help="of Self Forcing on paired targets alone"
    )
    parser.add_argument("--student-steps", type=int, default=100, help="of Self Forcing with the critic")
    parser.add_argument("--sentence-steps", type=int, default=SENTENCES.steps, help="of the text encoder")
    parser.add_argument("--autoencoder", default="demo-video", help="folder, in engine/weights or anywhere")
    parser.add_argument(
        "--begin-with",
        type=Path,
        help="checkpoint that is trained on with its own text encoder; its autoencoder may be another",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "rtr-dit"
    folder: Path = arguments.runs / "rtr-dit"
    loop, seed = common.loop(arguments, DEFAULT), arguments.seed
    place = common.WEIGHTS / arguments.autoencoder
    autoencoder = load_video_autoencoder(place, torch.bfloat16)
    encoder, related = _text(arguments, folder / "sentences")
    encoder.model.eval().requires_grad_(False)
    sentences = Sentences.encode(encoder, related, per_style=256, seed=seed)
    pools = _pools(arguments, folder, autoencoder)
    recipe = Recipe.of_latents(autoencoder.channels, pools[0].triples.deviation())
    batches = Batches(pools, sentences, recipe, arguments.device)
    show_teacher, show_causal, show_student = sheets(batches, recipe, autoencoder)
    start = CausalWan(recipe.network)
    if arguments.begin_with:
        windows = open_windows(arguments.runs / "windows")
        start.load_state_dict(moved_weights(arguments.begin_with, autoencoder, windows))
        loop = dataclasses.replace(loop, learning_rate=loop.learning_rate / 2.0)
    teacher = train_teacher(batches, recipe, folder / "teacher", loop, show_teacher, start)
    solved = record(
        teacher,
        batches,
        recipe,
        folder / "trajectories",
        arguments.trajectories,
        arguments.solver_steps,
        seed,
    )
    causal_loop = dataclasses.replace(loop, steps=arguments.causal_steps, learning_rate=5e-4)
    causal = train_causal(teacher, solved, batches, recipe, folder / "causal", causal_loop, show_causal)
    looks = PerceptualLoss(load_video_autoencoder(place, torch.float32).model)
    student = causal
    for name, turns, student_loop in (
        ("rollouts", PAIRED, dataclasses.replace(loop, steps=arguments.rollout_steps, learning_rate=3e-4)),
        (
            "student",
            MATCHED,
            dataclasses.replace(
                loop, steps=arguments.student_steps, learning_rate=1e-4, ema=0.99, muon=False
            ),
        ),
    ):
        student = train_student(
            student, teacher, batches, recipe, folder / name, student_loop, turns, looks, show_student
        )
    save_rtr_dit(student.cpu(), encoder, recipe, target, place.name)
    return target


def _text(arguments: argparse.Namespace, folder: Path) -> tuple[SentenceEncoder, dict[str, tuple[str, ...]]]:
    """The encoder that the weights to begin with have learnt from, or a new one, and each style's words."""
    if arguments.begin_with:
        return SentenceEncoder.load(arguments.begin_with), Meanings.of(Teacher()).related
    return train_sentences(folder, common.stage(arguments, SENTENCES, arguments.sentence_steps))


def _pools(arguments: argparse.Namespace, folder: Path, autoencoder: VideoAutoencoder) -> tuple[Pool, Pool]:
    """The video autoencoder's windows, and larger ones, painted and encoded."""
    seed, batch = arguments.seed, arguments.batch
    long, large = arguments.runs / "windows", folder / "windows-large"
    paint_windows(arguments.videos, long, arguments.windows, 17, 144, seed, arguments.threads)
    paint_windows(
        arguments.videos, large, arguments.large_windows, **LARGE, seed=seed + 1, workers=arguments.threads
    )
    few = max(1, arguments.pictured - 2)
    triples = [
        encode(
            paint(windows, arguments.styles, folder / f"paintings-{name}", pictured, seed + place),
            autoencoder,
            folder / f"latents-{name}",
        )
        for place, (name, windows, pictured) in enumerate(
            (("long", long, arguments.pictured), ("large", large, few))
        )
    ]
    return Pool(triples[0], batch, 16, share=3.0), Pool(triples[1], max(1, batch // 3), 32, share=1.0)

"""the causal video transformer ``rtr-dit``: triples, teacher, causal student, Self Forcing; packs it"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

from livestyle.engine.autoencoders.load import load_video_autoencoder
from livestyle.engine.training.loop import LoopConfig
from livestyle.engine.training.rtr_dit.batches import Batches, Sentences
from livestyle.engine.training.rtr_dit.bidirectional import train_teacher
from livestyle.engine.training.rtr_dit.ode import record, train_causal
from livestyle.engine.training.rtr_dit.package import save_rtr_dit
from livestyle.engine.training.rtr_dit.recipe import Recipe
from livestyle.engine.training.rtr_dit.self_forcing import train_student
from livestyle.engine.training.rtr_dit.sentences import SentenceEncoder, train_sentences
from livestyle.engine.training.rtr_dit.triples import TriplesRecipe, paint_triples

from . import common

DEFAULT = LoopConfig(steps=4000, learning_rate=1e-3, warmup=200, cooldown=0.5, muon=True, seed=7)
SENTENCES = LoopConfig(steps=2000, learning_rate=2e-3, cooldown=0.4)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--styles", type=Path, required=True, help="folder of style pictures")
    parser.add_argument("--windows", type=int, default=TriplesRecipe.windows, help="clips in the pool")
    parser.add_argument("--size", type=int, default=TriplesRecipe.size, help="side of a clip in pixels")
    parser.add_argument("--batch", type=int, default=6, help="clips of a step")
    parser.add_argument("--side", type=int, default=16, help="latents a side that are cut out of a clip")
    parser.add_argument("--trajectories", type=int, default=200, help="batches of solved ODEs")
    parser.add_argument("--solver-steps", type=int, default=8, help="steps of the ODE solver")
    parser.add_argument("--causal-steps", type=int, default=1000, help="optimiser steps of the regression")
    parser.add_argument("--student-steps", type=int, default=900, help="of Self Forcing")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "rtr-dit"
    folder: Path = arguments.runs / "rtr-dit"
    teacher_loop, seed = common.loop(arguments, DEFAULT), arguments.seed
    recipe = Recipe()
    autoencoder = load_video_autoencoder(common.WEIGHTS / "demo-video", torch.float32)
    pool = TriplesRecipe(windows=arguments.windows, size=arguments.size, seed=seed)
    triples = paint_triples(arguments.videos, arguments.styles, autoencoder, folder / "triples", pool)
    encoder, related = _sentences(folder, seed)
    sentences = Sentences.encode(encoder, related, per_style=256, seed=seed)
    batches = Batches(triples, sentences, recipe, arguments.batch, arguments.side, arguments.device)
    teacher = train_teacher(batches, recipe, folder / "teacher", teacher_loop)
    solved = record(
        teacher,
        batches,
        recipe,
        folder / "trajectories.npy",
        arguments.trajectories,
        arguments.solver_steps,
        seed,
    )
    causal_loop = dataclasses.replace(teacher_loop, steps=arguments.causal_steps, learning_rate=5e-4)
    causal = train_causal(teacher, solved, batches, recipe, folder / "causal", causal_loop)
    student_loop = dataclasses.replace(
        teacher_loop, steps=arguments.student_steps, learning_rate=1e-4, ema=0.995, muon=False
    )
    student = train_student(causal, teacher, batches, recipe, folder / "student", student_loop)
    save_rtr_dit(student.cpu(), encoder, recipe, target, "demo-video")
    return target


def _sentences(folder: Path, seed: int) -> tuple[SentenceEncoder, dict[str, tuple[str, ...]]]:
    loop = dataclasses.replace(SENTENCES, seed=seed)
    encoder, related = train_sentences(folder / "sentences", loop)
    encoder.model.eval().requires_grad_(False)
    return encoder, related

"""the text-to-video transformer ``stream-dit`` on the procedural world: teacher, student; packs it"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

from ...engine.autoencoders.load import load_video_autoencoder
from ...engine.autoencoders.video import VideoAutoencoder
from ...engine.conditioning.ensemble import TextEnsemble, load_ensemble
from ...engine.families.checkpoint_folder import TEXT_ENCODERS
from ...engine.families.stream_dit.checkpoint import save_checkpoint
from ...engine.families.stream_dit.profile import Profile
from ...engine.networks.stream_dit.config import DEMO
from ...engine.networks.stream_dit.model import StreamDiT
from ...engine.sampling.partition import Partition
from ..commands import train_options as common
from ..training.loop import LoopConfig
from .training.buffered_flow_matching import Mixture
from .training.card import write_card
from .training.distillation import Distillation
from .training.latents import WorldBatches, encode_worlds, measure_format
from .training.recipe import Stage, begin_with, compile_blocks, distil, train_teacher
from .training.text import LIMIT, NAME, train_text_encoder

DEFAULT = LoopConfig(steps=1400, learning_rate=2e-3, warmup=50, cooldown=0.6, ema=0.996, muon=True, seed=7)
IMAGES = LoopConfig(steps=6000, learning_rate=3e-3, warmup=100, cooldown=0.5, ema=0.996, muon=True)
STRETCHES = dataclasses.replace(IMAGES, steps=400, cooldown=0.0)
TEXT = LoopConfig(steps=1500, learning_rate=2e-3, cooldown=0.5, muon=True)
STUDENT = LoopConfig(steps=250, learning_rate=3e-4, warmup=30, cooldown=0.6, ema=0.99, muon=True)
STRETCH = 4  # latent frames of a clip in the second stage
OBJECTS = 3.5  # weight of an error where objects are, which cover a seventh of a picture
OPTIONS = (
    "clips",
    "scenes",
    "batch",
    "text_steps",
    "image_steps",
    "stretch_steps",
    "steps",
    "student_steps",
    "teacher_steps",
    "guidance",
    "shift",
    "autoencoder",
    "begin_with",
)
"""Options that the model card names."""
LEVELS = 8  # T of the student: N = 8 chunks of c = 2 frames, s = 1, as in the paper


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", type=int, default=128, help="side of a frame in pixels")
    parser.add_argument("--clips", type=int, default=2400, help="rendered clips")
    parser.add_argument(
        "--scenes", type=int, default=12000, help="scenes of the first stage, of each a single latent frame"
    )
    parser.add_argument("--latents", type=int, default=16, help="latent frames of a clip, at least 16")
    parser.add_argument("--batch", type=int, default=4, help="clips of a step")
    parser.add_argument(
        "--chunk-sizes", type=int, nargs="+", default=Mixture.chunk_sizes, help="mixed schemes"
    )
    parser.add_argument(
        "--image-steps", type=int, default=IMAGES.steps, help="of the first stage, one frame a clip"
    )
    parser.add_argument(
        "--stretch-steps", type=int, default=STRETCHES.steps, help="of the second stage, four frames a clip"
    )
    parser.add_argument("--text-steps", type=int, default=TEXT.steps, help="of the text encoder")
    parser.add_argument("--student-steps", type=int, default=STUDENT.steps, help="of the distillation")
    parser.add_argument("--teacher-steps", type=int, default=2, help="teacher's steps within a level")
    parser.add_argument(
        "--guidance", type=float, default=2.5, help="classifier-free guidance that is distilled"
    )
    parser.add_argument(
        "--shift", type=float, default=3.0, help="of the levels: above 1 they crowd at the noisy end"
    )
    parser.add_argument("--autoencoder", default="demo-video", help="folder, in engine/weights or anywhere")
    parser.add_argument(
        "--begin-with",
        type=Path,
        help="checkpoint whose transformer is trained on with its own text encoder",
    )
    parser.add_argument("--teacher-output", type=Path, help="keep the teacher as a checkpoint, too")
    common.add_device(parser)
    parser.add_argument(
        "--compile",
        action="store_true",
        help="torch.compile the blocks: 1.3 times as fast, needs a C++ compiler",
    )


def run(arguments: argparse.Namespace) -> Path:
    target = arguments.output or common.WEIGHTS / "stream-dit"
    folder: Path = arguments.runs / "stream-dit"
    seed, loop = arguments.seed, common.loop(arguments, DEFAULT)
    autoencoder_name = Path(arguments.autoencoder).name
    autoencoder = load_video_autoencoder(common.WEIGHTS / arguments.autoencoder, torch.bfloat16)
    data = _worlds(arguments, autoencoder, folder, seed, arguments.clips, arguments.latents)
    scenes = _worlds(arguments, autoencoder, folder, seed + 1, arguments.scenes, 1)
    scenes = dataclasses.replace(scenes, latent_format=data.latent_format)
    text = _text(arguments, folder / "text")
    mixture = Mixture(chunk_sizes=tuple(arguments.chunk_sizes), shift=arguments.shift)
    torch.manual_seed(seed)
    for encoder in text.modules():
        encoder.to(arguments.device)
    teacher = StreamDiT(dataclasses.replace(DEMO, channels=autoencoder.channels)).to(arguments.device)
    if arguments.begin_with:
        begin_with(teacher, arguments.begin_with)
    if arguments.compile:
        compile_blocks(teacher)
    images, stretches = (
        _gentler(arguments, common.stage(arguments, *each))
        for each in ((IMAGES, arguments.image_steps), (STRETCHES, arguments.stretch_steps))
    )
    loop = _gentler(arguments, loop)
    frames = arguments.batch * mixture.buffer
    stages = (
        Stage("images", scenes, images, 1, frames, OBJECTS),
        Stage("stretches", data, stretches, STRETCH, frames // STRETCH, OBJECTS),
        Stage("buffers", data, loop, mixture.buffer, arguments.batch, OBJECTS),
    )
    teacher = train_teacher(teacher, text, folder, stages, mixture, arguments.workers)
    if arguments.teacher_output:
        layouts = tuple(
            Partition(
                mixture.buffer // size,
                size,
                max(1, 2 * LEVELS * size // mixture.buffer),
                shift=mixture.shift,
            )
            for size in sorted(mixture.chunk_sizes, key=lambda size: (size != 2, size))
        )
        profile = _profile(layouts, data, arguments.guidance)
        save_checkpoint(arguments.teacher_output, teacher, text, profile, autoencoder_name)
    sizes = [size for size in (2, 4, 8, 16) if size in mixture.chunk_sizes]
    layouts = tuple(Partition(16 // size, size, LEVELS * size // 16, shift=mixture.shift) for size in sizes)
    distillation = Distillation(layouts, arguments.teacher_steps, arguments.guidance)
    loop, half = common.stage(arguments, STUDENT, arguments.student_steps), max(1, arguments.batch // 2)
    student = distil(teacher, data, text, folder / "student", loop, distillation, half)
    for encoder in text.modules():
        encoder.cpu()
    save_checkpoint(target, student.cpu(), text, _profile(layouts, data, 1.0), autoencoder_name)
    options = {name: getattr(arguments, name) for name in OPTIONS}
    write_card(target, student, autoencoder_name, options, seed)
    return target


def _worlds(
    arguments: argparse.Namespace,
    autoencoder: VideoAutoencoder,
    folder: Path,
    seed: int,
    clips: int,
    latents: int,
) -> WorldBatches:
    name = f"worlds_{Path(arguments.autoencoder).name}_{arguments.size}_{latents}.npy"
    shape = {"clips": clips, "latents": latents, "side": arguments.size, "seed": seed}
    pool = encode_worlds(autoencoder, folder / name, **shape)
    return WorldBatches(pool, measure_format(pool), seed)


def _gentler(arguments: argparse.Namespace, loop: LoopConfig) -> LoopConfig:
    """Half the rate for weights that have learnt before: a full one would undo much of it."""
    return dataclasses.replace(loop, learning_rate=loop.learning_rate / 2.0) if arguments.begin_with else loop


def _text(arguments: argparse.Namespace, folder: Path) -> TextEnsemble:
    """The encoder that the weights to begin with have learnt from, or a new one."""
    if arguments.begin_with:
        return load_ensemble(arguments.begin_with / TEXT_ENCODERS, {NAME: LIMIT}, torch.float32)
    reading = common.stage(arguments, TEXT, arguments.text_steps)
    return TextEnsemble({NAME: train_text_encoder(folder, reading)})


def _profile(layouts: tuple[Partition, ...], data: WorldBatches, guidance: float) -> Profile:
    return Profile(
        layouts, guidance=guidance, latents=data.latent_format, text_limits=((NAME, LIMIT),), fps=16.0
    )

"""the instructed video editor ``streamedit-dit``: three stages, two rounds of distillation; packs it"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

from ...engine.autoencoders.load import load_video_autoencoder
from ...engine.autoencoders.video import VideoAutoencoder
from ...engine.conditioning.ensemble import TextEncoder, TextEnsemble, load_ensemble
from ...engine.families.checkpoint_folder import TEXT_ENCODERS
from ...engine.families.streamedit_dit.checkpoint import save_checkpoint
from ...engine.families.streamedit_dit.profile import Profile
from ...engine.networks.streamedit_dit.config import CONFIGS
from ...engine.networks.streamedit_dit.model import StreamEditDiT
from ...engine.sampling.partition import Partition
from ..autoencoders.video_pairs import open_windows, paint_windows
from ..commands import train_options as common
from ..mllm_edit.training.text import Teacher
from ..stream_dit.training.latents import measure_format
from ..training.loop import LoopConfig
from ..training.meanings import Meanings
from .evaluation.edit60 import named_clips
from .training.batches import EditBatches, Share
from .training.card import write_card
from .training.distillation import MACRO, MICRO, distil
from .training.pool import EditPool, WorldRecipe, encode_windows, encode_worlds, moved_weights
from .training.preview import FilmPreview, preview_cases
from .training.stages import STAGES, Stage, train_stage, without_streaming
from .training.text import LIMIT, NAME, train_text

DEFAULT = LoopConfig(steps=4600, learning_rate=1e-3, warmup=100, cooldown=0.2, muon=True, seed=7)
TEXT = LoopConfig(steps=2000, learning_rate=2e-3, cooldown=0.4)
RATES = {"base": 1e-3, "streaming": 5e-4, "quality": 2e-4, "macro": 2e-4, "micro": 2e-4}
LONG = {"frames": 61, "size": 128}
LARGE = {"frames": 9, "size": 256}
"""Windows of real clips: long ones fill the largest window, large ones are what the demo is used at."""
WHOLE = {None: "full", "ptcm": "without_ptcm", "streaming": "without_scm_asw"}
"""Folders, in the run folder, of the networks before distillation: rows of the paper's Table 2."""
FULL = (Partition(3, 1, 7), Partition(3, 1, 34), Partition(1, 1, 100))
"""How the network before distillation is run: 21, 102 or 100 evaluations of a frame."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", choices=sorted(CONFIGS), default="demo")
    parser.add_argument("--text-steps", type=int, default=TEXT.steps, help="of the text encoder")
    parser.add_argument("--streaming-steps", type=int, default=700, help="of stage 2; --steps is stage 1")
    parser.add_argument("--quality-steps", type=int, default=300, help="of stage 3")
    parser.add_argument("--macro-steps", type=int, default=200, help="of the distillation to 20 evaluations")
    parser.add_argument("--micro-steps", type=int, default=500, help="of the distillation to 6")
    parser.add_argument("--windows", type=int, default=120, help="clips of 61 frames, 128 pixels")
    parser.add_argument("--large-windows", type=int, default=64, help="clips of 9 frames, 256 pixels")
    parser.add_argument("--worlds", type=int, default=160, help="rendered clips; half as many large ones")
    parser.add_argument("--cells", type=int, default=Stage.cells, help="latent positions of a batch, about")
    parser.add_argument("--coherence", type=float, default=0.5, help="lambda of Streaming Coherence Matching")
    parser.add_argument("--prediction", choices=["velocity", "epsilon"], default="velocity")
    parser.add_argument("--autoencoder", default="demo-video", help="folder, in engine/weights or anywhere")
    parser.add_argument(
        "--begin-with",
        type=Path,
        help="checkpoint that is trained on with its own text encoder; its autoencoder may be another",
    )
    parser.add_argument(
        "--without",
        choices=["ptcm", "streaming"],
        help="an ablation in the run folder: no PTCM, or neither coherence term nor adaptive window",
    )


def run(arguments: argparse.Namespace) -> Path:
    folder: Path = arguments.runs / "streamedit-dit"
    autoencoder = load_video_autoencoder(common.WEIGHTS / arguments.autoencoder, torch.bfloat16)
    text, related = _text(arguments, folder / "text")
    long, large = _pools(arguments, folder, autoencoder)
    latent_format = measure_format(long[0].sources)
    first = EditBatches(tuple(map(Share, long, (1.0, 0.6))), latent_format, related)
    every = tuple(map(Share, (*long, *large), (1.0, 0.6, 1.0, 0.6)))
    last = EditBatches(every, latent_format, related, side=32)
    show = FilmPreview(autoencoder, text, latent_format, preview_cases(long), arguments.prediction)
    torch.manual_seed(arguments.seed)
    config = dataclasses.replace(CONFIGS[arguments.network], channels=autoencoder.channels)
    net = StreamEditDiT(dataclasses.replace(config, ptcm_every=0) if arguments.without == "ptcm" else config)
    if arguments.begin_with:
        films = open_windows(folder / "windows-long")[:, 0]
        net.load_state_dict(moved_weights(arguments.begin_with, autoencoder, latent_format, films))
    runs = folder / "states" / (arguments.without or "demo")
    steps = (arguments.steps, arguments.streaming_steps, arguments.quality_steps)
    for (name, stage), data, count in zip(STAGES.items(), (first, first, last), steps, strict=True):
        stage = dataclasses.replace(
            stage,
            cells=arguments.cells,
            prediction=arguments.prediction,
            coherence=arguments.coherence if stage.mixture else 0.0,
        )
        if arguments.without == "streaming":
            stage = without_streaming(stage)
        net = train_stage(net, data, text, stage, runs / name, _loop(arguments, name, count), show)
    profile = Profile(
        FULL,
        prediction=arguments.prediction,
        latents=latent_format,
        text_limits=((NAME, LIMIT),),
        fps=24.0,
    )
    whole = folder / WHOLE[arguments.without]
    _save(whole, net, text, profile, arguments)
    if arguments.without:
        return whole
    rounds = (("macro", MACRO, arguments.macro_steps), ("micro", MICRO, arguments.micro_steps))
    for name, plan, count in rounds:
        plan = dataclasses.replace(plan, cells=arguments.cells, prediction=arguments.prediction)
        net = distil(net, last, text, plan, runs / name, _loop(arguments, name, count), show)
    target = arguments.output or common.WEIGHTS / "streamedit-dit"
    _save(target, net, text, dataclasses.replace(profile, partitions=MICRO.layouts), arguments)
    return target


def _text(arguments: argparse.Namespace, folder: Path) -> tuple[TextEncoder, dict[str, tuple[str, ...]]]:
    """The encoder that the weights to begin with have learnt from, or a new one, and each style's words."""
    if arguments.begin_with:
        ensemble = load_ensemble(arguments.begin_with / TEXT_ENCODERS, {NAME: LIMIT}, torch.float32)
        return ensemble.encoders[NAME], Meanings.of(Teacher()).related
    return train_text(folder, dataclasses.replace(TEXT, steps=arguments.text_steps, seed=arguments.seed))


def _loop(arguments: argparse.Namespace, name: str, steps: int) -> LoopConfig:
    loop = common.loop(arguments, DEFAULT)
    cooldown = DEFAULT.cooldown if name == "base" else 0.6
    rate = RATES["streaming"] if arguments.begin_with and name == "base" else RATES[name]
    return dataclasses.replace(
        loop, steps=steps, learning_rate=rate, cooldown=cooldown, muon=name in STAGES, ema=0.995
    )


def _save(
    target: Path, net: StreamEditDiT, text: TextEncoder, profile: Profile, arguments: argparse.Namespace
) -> None:
    name = Path(arguments.autoencoder).name
    save_checkpoint(target, net, TextEnsemble({NAME: text}), profile, name)
    text.model.float()  # a checkpoint holds bfloat16, and saving casts in place
    options = {key: value for key, value in vars(arguments).items() if key.endswith("steps")}
    write_card(target, net, options, arguments.seed)


def _pools(
    arguments: argparse.Namespace, folder: Path, autoencoder: VideoAutoencoder
) -> tuple[tuple[EditPool, EditPool], tuple[EditPool, EditPool]]:
    """(styled clips, worlds), long and large; clips that edit60 judges are left out."""
    found = []
    for name, size, count, worlds in (
        ("long", LONG, arguments.windows, arguments.worlds),
        ("large", LARGE, arguments.large_windows, arguments.worlds // 2),
    ):
        windows = folder / f"windows-{name}"
        paint_windows(
            arguments.videos,
            windows,
            count,
            **size,
            seed=arguments.seed,
            workers=arguments.threads,
            without=named_clips(),
        )
        recipe = WorldRecipe(worlds, size["frames"], size["size"], arguments.seed)
        found.append(
            (
                encode_windows(windows, autoencoder, folder / f"latents-{name}"),
                encode_worlds(recipe, autoencoder, folder / f"worlds-{name}"),
            )
        )
    return found[0], found[1]

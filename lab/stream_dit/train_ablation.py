"""which chunk sizes to mix (the paper's Table 3): 1.5 M parameters, 64x64, several seeds; writes a table"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import torch

from ...engine.autoencoders.load import load_video_autoencoder
from ...engine.conditioning.ensemble import TextEnsemble
from ...engine.families.stream_dit.model import StreamDiTModel
from ...engine.families.stream_dit.profile import Profile
from ...engine.networks.stream_dit.config import ABLATION
from ...engine.networks.stream_dit.model import StreamDiT
from ...engine.runtime.device import plan_device
from ...engine.sampling.partition import Partition
from ..benchmark.machine import hardware_line
from ..commands import train_options as common
from ..commands.evaluate_options import save
from ..training.loop import LoopConfig
from .evaluation.attributes import judge_films
from .evaluation.films import draw_cases
from .train import TEXT
from .training.ablation import MIXTURES, denoising_error, table
from .training.buffered_flow_matching import Mixture
from .training.latents import WorldBatches, encode_worlds, measure_format
from .training.recipe import Stage, train_teacher
from .training.text import LIMIT, NAME, train_text_encoder

DEFAULT = LoopConfig(steps=3000, learning_rate=2e-3, warmup=50, cooldown=0.6, ema=0.996, muon=True, seed=7)
SAMPLED = Partition(16, 1, 2)  # c = 1, as in the paper's table
GUIDANCE = 2.5
SIDE, BUFFER = 64, 16
HELD_OUT = 64  # clips for the denoising error
ERROR_BATCHES = 16


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each mixture, 2 to 5")
    parser.add_argument("--clips", type=int, default=2000, help="rendered clips")
    parser.add_argument("--prompts", type=int, default=60, help="films that are judged of each training")
    parser.add_argument("--batch", type=int, default=16, help="clips of a step")


def run(arguments: argparse.Namespace) -> Path:
    folder: Path = arguments.runs / "stream-dit-ablation"
    target = arguments.output or folder / "table"
    seed, loop = arguments.seed, common.loop(arguments, DEFAULT)
    autoencoder = load_video_autoencoder(common.WEIGHTS / "demo-video", torch.bfloat16)
    pool = encode_worlds(
        autoencoder, folder / "worlds.npy", clips=arguments.clips, latents=BUFFER, side=SIDE, seed=seed
    )
    data = WorldBatches(pool, measure_format(pool), seed)
    unseen = encode_worlds(
        autoencoder, folder / "held_out.npy", clips=HELD_OUT, latents=BUFFER, side=SIDE, seed=seed + 1000
    )
    held_out = WorldBatches(unseen, data.latent_format, seed + 1000, cuts=0.0)
    text = TextEnsemble({NAME: train_text_encoder(folder / "text", dataclasses.replace(TEXT, seed=seed))})
    profile = Profile((SAMPLED,), guidance=GUIDANCE, latents=data.latent_format, text_limits=((NAME, LIMIT),))
    cases = draw_cases(arguments.prompts, seed)
    figures: dict[tuple[int, ...], list[dict[str, float]]] = {}
    for mixture in MIXTURES:
        for extra in range(arguments.seeds):
            name = f"chunks_{'_'.join(map(str, mixture))}_seed_{seed + extra}"
            stage = Stage(name, data, dataclasses.replace(loop, seed=seed + extra), BUFFER, arguments.batch)
            torch.manual_seed(seed + extra)
            network = train_teacher(StreamDiT(ABLATION), text, folder, (stage,), Mixture(BUFFER, mixture))
            model = StreamDiTModel(network.eval(), text, autoencoder, profile)
            score = judge_films(model, cases, SIDE)
            row = {
                "error": denoising_error(network, held_out, text, SAMPLED, ERROR_BATCHES, seed),
                "attribute_min": score.worst,
                "attribute_joint": score.joint,
            }
            print(json.dumps({"chunk_sizes": mixture, "seed": seed + extra, **row}), flush=True)
            figures.setdefault(mixture, []).append(row)
    report = {
        "note": f"{loop.steps} steps of batch {arguments.batch} each, {arguments.prompts} films.",
        "steps": loop.steps,
        "batch": arguments.batch,
        "clips": arguments.clips,
        "prompts": arguments.prompts,
        "seed": seed,
        "hardware": hardware_line(plan_device(torch.device("cpu"))),
        "rows": table(figures),
    }
    save(target / "stream_dit_ablation.json", report)
    return target

"""``temporal``: what an adapter changes, and whether anything drifts."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from ..commands.evaluate_options import adapters, add_adapter, add_model, json_lines, load, save
from ..evaluation.clips import read_clips
from ..evaluation.temporal import Temporal, TemporalStudy
from ..metrics.perceptual import EfficientNetLite0

DRIFT_FRAMES = TemporalStudy.window // 2 + 1
SHOWN = ("excess", "warping_error", "gradient", "sobel", "style_distance", "slot_flicker")


def options(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_adapter(parser)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips that training never saw")
    parser.add_argument("--frames", type=int, default=TemporalStudy.frames, help="frames of each clip")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds of noise")
    parser.add_argument("--noise", choices=("shared", "fresh"), default=TemporalStudy.noise)
    parser.add_argument("--chunk", type=int, default=TemporalStudy.chunk)
    parser.add_argument("--styles", nargs="+", default=list(TemporalStudy.styles))
    parser.add_argument("--long-styles", nargs="+", default=list(TemporalStudy.long_styles))
    parser.add_argument("--length", type=int, default=TemporalStudy.length, help="frames of the drift run")
    parser.add_argument("--rows", type=Path, help="write a JSON line for every single run there")
    parser.add_argument("--json", type=Path, help="write all figures there")


def run(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    model, plan = load(arguments.checkpoint)
    study = TemporalStudy(
        styles=tuple(arguments.styles),
        seeds=tuple(range(arguments.seeds)),
        noise=arguments.noise,
        steps=arguments.steps,
        chunk=arguments.chunk,
        long_styles=tuple(arguments.long_styles),
        frames=arguments.frames,
        length=arguments.length,
    )
    clips = read_clips(arguments.clips, arguments.size, max(study.frames, DRIFT_FRAMES))
    on = adapters(arguments)
    if not on:
        print("No adapter (--adapter): measuring without; the keys that end in _with are left out.")
    rows = arguments.rows or (arguments.json and arguments.json.with_suffix(".jsonl"))
    with json_lines(rows) as emit:
        report = Temporal(model, on, clips, study, EfficientNetLite0(), emit).measure()
    report = {
        "checkpoint": arguments.checkpoint.name,
        "adapter": Path(on[0].path).parent.name if on else None,
        "clips": [clip.name for clip in clips],
        "size": arguments.size,
        "frames": study.frames,
        "steps": study.steps,
        "noise": study.noise,
        "chunk": study.chunk,
        "seeds": len(study.seeds),
        "refresh_every": arguments.refresh,
        "hooks": arguments.hooks,
        "dtype": str(plan.dtype),
        "threads": torch.get_num_threads(),
        **report,
        "seconds": round(time.monotonic() - started),
        "cpu_seconds": round(time.process_time()),
    }
    show(report)
    save(arguments.json, report)


def show(report: dict) -> None:
    """The two sides beside each other, then the single figures."""
    sides = [side for side in ("without", "with", "blended") if f"excess_{side}" in report]
    print(f"{'':24}" + "".join(f"{side:>12}" for side in sides))
    for key in SHOWN:
        values = [report.get(f"{key}_{side}") for side in sides]
        print(f"{key:24}" + "".join("           -" if v is None else f"{v:12.4f}" for v in values))
    for key, value in report.items():
        if isinstance(value, float | bool) and not key.endswith(("_with", "_without")):
            print(f"{key:36} {value:.4f}" if isinstance(value, float) else f"{key:36} {value}")

"""``rtr-dit``: does it carry styles by text and by reference, switch them, and stay for long?"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

from ...engine.families import WEIGHTS
from ..benchmark.machine import hardware_line
from ..commands.evaluate_options import json_lines, load, save
from ..evaluation.clips import read_clips
from ..metrics.perceptual import EfficientNetLite0
from .evaluation.bidirectional import teacher_report
from .evaluation.candidates import draw_candidates
from .evaluation.guided import reference_report, text_report
from .evaluation.long_run import long_report
from .evaluation.study import Study
from .evaluation.switching import FRAMES, switch_report

PARTS = ("text", "reference", "switch", "long")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, default=WEIGHTS / "rtr-dit", help="checkpoint folder")
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips that training never saw")
    parser.add_argument("--styles", type=Path, required=True, help="folder of reference pictures")
    parser.add_argument("--more-styles", type=Path, help="folder of pictures that training has seen")
    parser.add_argument("--teacher", type=Path, help="state.safetensors of the bidirectional teacher's run")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    parser.add_argument("--steps", type=int, default=2, help="denoising steps")
    parser.add_argument("--frames", type=int, default=13, help="frames of each clip (1 + 4 n)")
    parser.add_argument("--switch-clips", type=int, default=1, help="clips that switches are measured on")
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="length of the long run at 24 frames a second"
    )
    parser.add_argument("--json", type=Path, help="write all figures there; a line for each run beside it")


def run(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    model, plan = load(arguments.checkpoint)
    clips = read_clips(arguments.clips, arguments.size, max(arguments.frames, FRAMES))
    short = [dataclasses.replace(clip, pixels=clip.pixels[: arguments.frames]) for clip in clips]
    candidates = draw_candidates(arguments.styles, arguments.more_styles, arguments.size)
    report = {
        "checkpoint": arguments.checkpoint.name,
        "hardware": hardware_line(plan),
        "dtype": str(plan.dtype),
        "size": arguments.size,
        "steps": arguments.steps,
        "frames": arguments.frames,
        "clips": [clip.name for clip in clips],
        "judged_references": [each.name for each in candidates if each.judged],
    }
    lines = arguments.json.with_suffix(".jsonl") if arguments.json else None
    with json_lines(lines) as emit:
        study = Study(model, short, EfficientNetLite0(), emit, arguments.steps)
        if "text" in arguments.parts:
            report |= text_report(study)
        if "reference" in arguments.parts:
            report |= reference_report(study, candidates)
        if arguments.teacher:
            report |= teacher_report(study, candidates, arguments.teacher)
        if "switch" in arguments.parts:
            switched = dataclasses.replace(study, clips=clips[: arguments.switch_clips])
            report |= switch_report(switched, candidates)
        if "long" in arguments.parts:
            judged = next(each for each in candidates if each.judged)
            report |= long_report(study, clips[0], judged, round(arguments.minutes * 60 * 24))
    report["seconds"], report["cpu_seconds"] = round(time.monotonic() - started), round(time.process_time())
    show(report)
    save(arguments.json, report)


def show(report: dict) -> None:
    """The single figures, then the policies."""
    for key, value in report.items():
        if isinstance(value, float | bool):
            print(f"{key:40} {value:.3f}" if isinstance(value, float) else f"{key:40} {value}")
    for policy, row in report.get("switch_policies", {}).items():
        print(f"{policy:20}" + "  ".join(f"{key} {value:.3f}" for key, value in row.items()))

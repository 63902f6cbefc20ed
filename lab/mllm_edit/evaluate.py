"""``mllm-edit``: does the checkpoint draw what it is asked for?"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from ..commands.evaluate_options import add_model, load, save
from .evaluation import editing as mllm_edit


def options(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips that training never saw")
    parser.add_argument("--frames", type=int, default=4, help="frames of each clip")
    parser.add_argument("--prompts", type=Path, help="{style: {sentences: [...], words: [...]}} to judge")
    parser.add_argument("--dump", type=Path, help="write the judged source, target and output pictures there")
    parser.add_argument("--json", type=Path, help="write all figures there")


def run(arguments: argparse.Namespace) -> None:
    model, plan = load(arguments.checkpoint)
    started = time.monotonic()
    sources = mllm_edit.evaluation_frames(arguments.clips, arguments.frames, arguments.size)
    judge = mllm_edit.Judge.paint(sources)
    report = {
        "checkpoint": arguments.checkpoint.name,
        "frames": len(sources),
        "size": arguments.size,
        "steps": arguments.steps,
        "dtype": str(plan.dtype),
        "device": str(plan.device),
        **mllm_edit.measure(model, judge, arguments.steps, arguments.dump),
    }
    if arguments.prompts:
        phrases = json.loads(arguments.prompts.read_text())
        report |= mllm_edit.measure_prompts(model, judge, phrases, arguments.steps)
    report["seconds"] = round(time.monotonic() - started)
    show(report)
    save(arguments.json, report)


def show(report: dict) -> None:
    """A table of the styles, then the single figures."""
    columns = ("explained_change", "colour_map_change", "style_nearest_share", "output_db")
    print(f"{'style':14}" + "".join(f"{column:>24}" for column in columns))
    for style, row in report["styles"].items():
        print(f"{style:14}" + "".join(f"{row[column]:24.3f}" for column in columns))
    for key, value in report.items():
        if isinstance(value, float):
            print(f"{key:32} {value:.3f}")

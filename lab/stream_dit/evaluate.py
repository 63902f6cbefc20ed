"""``stream-dit``: does a text-to-video checkpoint draw the procedural world, without seams and for long?"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from ...engine.families import WEIGHTS
from ...engine.sampling.partition import Partition
from ..benchmark.machine import hardware_line
from ..commands.evaluate_options import load, save
from .evaluation.attributes import attribute_report
from .evaluation.films import draw_cases, film, real_film, with_partition
from .evaluation.motion import seam_report, table_2
from .evaluation.stability import stability_report

TABLE_FRAMES = 128  # 8 s, as in the paper's Table 2


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, default=WEIGHTS / "stream-dit", help="checkpoint folder")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--prompts", type=int, default=100, help="sentences, and as many of unseen pairs")
    parser.add_argument("--borders", type=int, default=500, help="chunk borders, at least")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the film for drift")
    parser.add_argument("--table-prompts", type=int, default=50, help="films for Table 2; 0 leaves it out")
    parser.add_argument("--seed", type=int, default=1, help="which scenes")
    parser.add_argument("--json", type=Path, help="write all figures there")


def run(arguments: argparse.Namespace) -> None:
    model, plan = load(arguments.checkpoint)
    started, side = time.monotonic(), arguments.size
    seen = draw_cases(arguments.prompts, arguments.seed)
    unseen = draw_cases(arguments.prompts, arguments.seed, held_out=True)
    report = {
        "checkpoint": arguments.checkpoint.name,
        "hardware": hardware_line(plan),
        "dtype": str(plan.dtype),
        "size": side,
        "prompts": arguments.prompts,
        "table_prompts": arguments.table_prompts,
        "seed": arguments.seed,
        **attribute_report(model, seen, unseen, side),
        **seam_report(model, seen[:25], arguments.borders, side),
        **stability_report(model, seen[0], round(arguments.minutes * 60 * model.fps), side),
    }
    if arguments.table_prompts:
        cases = draw_cases(arguments.table_prompts, arguments.seed + 1)
        layout = model.profile.partitions[0]
        diagonal = with_partition(model, Partition(layout.length, 1, shift=layout.shift))
        report["table_2"] = {
            "ours": table_2([film(model, case.sentence.text, TABLE_FRAMES, side) for case in cases]),
            "diagonal": table_2([film(diagonal, case.sentence.text, TABLE_FRAMES, side) for case in cases]),
            "world": table_2([real_film(model, case.scene, TABLE_FRAMES, side) for case in cases]),
        }
    report["seconds"] = round(time.monotonic() - started)
    show(report)
    save(arguments.json, report)


def show(report: dict) -> None:
    """The single figures, then Table 2."""
    for key, value in report.items():
        if isinstance(value, float | bool):
            print(f"{key:32} {value:.3f}" if isinstance(value, float) else f"{key:32} {value}")
    for name, row in report.get("table_2", {}).items():
        print(f"{name:12}" + "  ".join(f"{key} {value:.4f}" for key, value in row.items()))

"""``streamedit-dit``: does an instructed video editor do what it is asked, steadily, and at which window?"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from ...engine.families import WEIGHTS, load_model
from ...engine.families.base import ModelHandle
from ...engine.families.streamedit_dit.checkpoint import Description
from ...engine.families.streamedit_dit.model import StreamEditDiTModel
from .. import ROOT
from ..benchmark.machine import hardware_line
from ..commands.evaluate_options import json_lines, load, save
from ..evaluation.clips import read_clips
from ..evaluation.temporal import Temporal, TemporalStudy, long_run
from ..metrics.editing import MEASURES
from ..metrics.perceptual import EfficientNetLite0
from .evaluation.ab_page import NOT_RUN, Comparison, write_page
from .evaluation.edit60 import Pair, make_films, read_films, read_pairs
from .evaluation.study import EditStudy, Variant, summarise
from .evaluation.variants import variants
from .evaluation.windows import attention_times, window_table

RUNS = ROOT / "runs" / "streamedit-dit"
Emit = Callable[[dict], None]
TRAINED = ("without_ptcm", "without_scm_asw")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, default=WEIGHTS / "streamedit-dit", help="the student")
    parser.add_argument("--teacher", type=Path, default=RUNS / "full", help="before distillation")
    for name in TRAINED:
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=Path, default=RUNS / name, help="trained that way, if there is one")
    parser.add_argument("--clips", type=Path, required=True, help="folder with edit60's clips, or others")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--frames", type=int, default=17, help="frames of each pair")
    parser.add_argument("--pairs", type=int, default=60, help="how many, evenly over the benchmark")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds of noise")
    parser.add_argument("--window-pairs", type=int, default=6, help="pairs of the table of windows; 0: none")
    parser.add_argument("--window-frames", type=int, default=97, help="frames of each of those")
    parser.add_argument("--length", type=int, default=480, help="frames of the drift run; 0 leaves it out")
    parser.add_argument("--long-styles", nargs="+", default=list(TemporalStudy.long_styles))
    parser.add_argument("--page", type=Path, default=RUNS / "blind", help="folder of the blind A/B page")
    parser.add_argument("--rows", type=Path, help="write a JSON line for every single run there")
    parser.add_argument("--json", type=Path, help="write all figures there")


def run(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    model, plan = load(arguments.checkpoint)
    described = Description.read(arguments.checkpoint)
    autoencoder = described.find_autoencoder(ModelHandle(str(arguments.checkpoint)))
    others = {
        name: load_model(ModelHandle(str(folder), str(autoencoder)), plan.device, plan.dtype)
        for name in ("teacher", *TRAINED)
        if (folder := getattr(arguments, name)).is_dir()
    }
    teacher = others.pop("teacher", None)
    pairs = evenly(read_pairs(), arguments.pairs)
    films = read_films(arguments.clips, pairs, arguments.frames, arguments.size)
    compared, missing = variants(model, teacher, others)
    trunk = EfficientNetLite0()
    lines = arguments.rows or (arguments.json and arguments.json.with_suffix(".jsonl"))
    with json_lines(lines) as emit:
        seeds = range(arguments.seeds)
        study = EditStudy(compared, pairs, films, trunk, arguments.frames, arguments.size, seeds, emit)
        report = {
            "checkpoint": arguments.checkpoint.name,
            "hardware": hardware_line(plan),
            "dtype": str(plan.dtype),
            "size": arguments.size,
            "frames": arguments.frames,
            "pairs": len(pairs),
            "seeds": arguments.seeds,
            "trunk": "EfficientNet-Lite0 (ImageNet)",
            "films": sorted({clip.name for clip in films.values()}),
            "notes": {row.name: row.note for row in compared if row.note} | missing,
            **summarise(list(study.rows())),
            **windows(arguments, model, trunk, emit),
        }
        if arguments.length:
            report |= drift(arguments, model, trunk, emit)
    page(arguments.page, compared, pairs, study)
    report["human"] = {"status": NOT_RUN, "page": arguments.page.name}
    report["seconds"] = round(time.monotonic() - started)
    report["cpu_seconds"] = round(time.process_time())
    show(report)
    save(arguments.json, report)


def evenly(pairs: list[Pair], count: int) -> list[Pair]:
    """``count`` pairs spread over all of them."""
    count = min(count, len(pairs))
    return [pairs[index * len(pairs) // count] for index in range(count)]


def windows(
    arguments: argparse.Namespace, model: StreamEditDiTModel, trunk: EfficientNetLite0, emit: Emit
) -> dict:
    """Table 6, and what an evaluation costs by kind of attention."""
    times = attention_times(model, model.profile.window.buckets, arguments.size)
    if not arguments.window_pairs:
        return {"attention": times}
    pairs = evenly(read_pairs(), arguments.window_pairs)
    films = read_films(arguments.clips, pairs, arguments.window_frames, arguments.size)
    size = {"frames": arguments.window_frames, "side": arguments.size}
    return {"attention": times, "windows": window_table(model, pairs, films, trunk, **size, emit=emit)}


def drift(
    arguments: argparse.Namespace, model: StreamEditDiTModel, trunk: EfficientNetLite0, emit: Emit
) -> dict:
    """``drift_ok`` and what is behind it, as for an adapter, without one."""
    study = TemporalStudy(
        seeds=(0,), chunk=0, long_styles=tuple(arguments.long_styles), length=arguments.length
    )
    clips = read_clips(arguments.clips, arguments.size, study.window // 2 + 1)
    rows = []
    for row in Temporal(model, (), clips, study, trunk, emit).drift():
        emit(row)
        rows.append(row)
    return long_run(rows)


def page(folder: Path, compared: list[Variant], pairs: list[Pair], study: EditStudy) -> Path:
    """The blind comparison of the student and the first row of the table."""
    sides = {row.name: row for row in (compared[0], compared[-1])}
    comparisons = []
    for pair in evenly(pairs, 12):
        source = make_films(pair, study.films.get(pair.name), study.frames, study.side).source
        edits = {name: row.edit(source, pair.asked.text, 0) for name, row in sides.items()}
        comparisons.append(Comparison(pair.name, pair.asked.text, source, edits))
    return write_page(folder, comparisons)


def show(report: dict) -> None:
    """The table of variants, the table of windows, then the single figures."""
    print(f"{'':18}" + "".join(f"{measure:>24}" for measure in MEASURES))
    for name, row in report["table"].items():
        print(f"{name:18}" + "".join(f"{row[measure]['mean']:24.4f}" for measure in MEASURES))
    for name, row in report.get("windows", {}).items():
        print(f"window {name:11}" + "  ".join(f"{key} {value:.4f}" for key, value in row.items()))
    for key, value in report.items():
        if isinstance(value, float | bool):
            print(f"{key:36} {value:.4f}" if isinstance(value, float) else f"{key:36} {value}")
    for name, note in report["notes"].items():
        print(f"{name}: {note}")

"""``mllm-edit-tables``: the paper's tables II to XII on any checkpoint and any clips."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ...engine.families import load_model
from ...engine.families.base import ModelHandle
from .. import ROOT
from ..benchmark.machine import hardware_line
from ..commands.evaluate_options import ADAPTER, add_model, json_lines, load, save
from ..evaluation.clips import read_clips
from ..metrics.perceptual import EfficientNetLite0
from .evaluation.paper import plots, tables, video
from .evaluation.paper.study import Study

PROMPTS = ROOT / "benchmarks" / "prompts_held_out.json"


def options(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips that training never saw")
    parser.add_argument("--held-out", type=Path, help="a second folder of clips, for table IX")
    parser.add_argument("--adapter", type=Path, default=ADAPTER, help="adapter file")
    parser.add_argument("--lora", type=Path, help="LCM-LoRA file, for table XII")
    parser.add_argument("--prompts", type=Path, default=PROMPTS, help="sentences for table IX")
    parser.add_argument("--style", default="oil", help="what is asked for where a table has one prompt")
    parser.add_argument("--frames", type=int, default=64, help="frames of each clip")
    parser.add_argument("--only", nargs="+", choices=list(tables.TABLES), default=list(tables.TABLES))
    parser.add_argument("--output", type=Path, required=True, help="folder for JSON, plots and the video")


def run(arguments: argparse.Namespace) -> None:
    model, plan = load(arguments.checkpoint)
    output: Path = arguments.output
    clips = read_clips(arguments.clips, arguments.size, arguments.frames)
    more = read_clips(arguments.held_out, arguments.size, arguments.frames) if arguments.held_out else []
    adapter = arguments.adapter.resolve() if arguments.adapter.exists() else None
    about = {
        "checkpoint": arguments.checkpoint.name,
        "adapter": adapter.parent.name if adapter else None,
        "clips": [clip.name for clip in clips],
        "size": arguments.size,
        "frames": arguments.frames,
        "style": arguments.style,
        "warm_up_chunks": Study.warm_up,
        "hardware": hardware_line(plan),
        "dtype": str(plan.dtype),
        "threads": torch.get_num_threads(),
    }
    measured, rows = measured_before(output, about, arguments.only)
    with json_lines(output / "runs.jsonl", rows) as emit:
        study = Study(
            model,
            plan.device,
            clips,
            EfficientNetLite0(),
            hardware_line(plan),
            emit,
            held_out=more,
            adapter=adapter,
            style=arguments.style,
            prompts=json.loads(arguments.prompts.read_text()) if arguments.prompts.exists() else {},
        )
        if arguments.lora:
            handle = ModelHandle(str(arguments.checkpoint), lora=str(arguments.lora.resolve()))
            study.lora = load_model(handle, plan.device, plan.dtype)
        for name in arguments.only:
            measured[name] = tables.measure(study, name)
            print(f"\nTable {name}. {tables.TABLES[name].title}\n{tables.text(measured[name])}", flush=True)
            # after every table: what is measured stays measured when the command is stopped
            save(output / "tables.json", {**about, "tables": measured})
    files = [*plots.draw(measured, output), video.side_by_side(study, output / "side_by_side.mp4")]
    print(f"\nWritten to {output}: tables.json, runs.jsonl, {', '.join(path.name for path in files)}")


def measured_before(
    output: Path, about: dict[str, Any], again: Sequence[str]
) -> tuple[dict[str, list], list[dict[str, Any]]]:
    """Tables and their rows of an earlier run with equal settings, but for those in ``again``."""
    target = output / "tables.json"
    report = json.loads(target.read_text()) if target.exists() else {}
    if any(report.get(key) != value for key, value in about.items()):
        return {}, []
    kept = {name: table for name, table in report["tables"].items() if name not in again}
    rows = map(json.loads, (output / "runs.jsonl").read_text().splitlines())
    return kept, [row for row in rows if row["table"] in kept]

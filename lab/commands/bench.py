"""Measure speed, each figure with its baseline in the same run.

    python scripts/bench.py mllm-edit --json FILE
    python scripts/bench.py mllm-edit --parts full --json FILE
    python scripts/bench.py stream-dit --json FILE
    python scripts/bench.py rtr-dit --json FILE
    python scripts/bench.py streamedit-dit --json FILE
    python scripts/bench.py media --json FILE
    python scripts/bench.py cluster --json FILE
    python scripts/bench.py sound --seconds 600 --json FILE
    python scripts/bench.py FAMILY --parts dry-run --card h200 --card 330e12,1.0e12 --json FILE

Three parts: ``demo`` is the demo checkpoint on the CPU, file to file and in ComfyUI; ``full`` is the
published configuration with random weights at 512x512 on a CUDA device. Without one, ``full`` runs at
a toy size and every row says that the full size was not measured. ``dry-run``, only when it is asked for,
counts the published configurations on a pretended device: what a frame costs, and what a card could do.

Wall-clock rates on a shared machine are noise: read them with the load average beside them, and
go by CPU time and ratios. docs/measures.md defines every key.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import partial
from pathlib import Path
from types import ModuleType

import demo_run
import numpy as np
import torch

from ...engine.families import WEIGHTS, load_model
from ...engine.families.base import ModelHandle
from ...engine.families.mllm_edit.model import MLLMEditModel
from ...engine.runtime.device import plan_device
from ..benchmark import cluster, graph, media, sound
from ..benchmark.dry_run import rows as dry_run
from ..benchmark.dry_run.roofline import CARDS, card
from ..benchmark.machine import hardware_line
from ..evaluation.clips import read_clip
from ..mllm_edit.benchmark import full_size, matrix
from ..mllm_edit.benchmark import rates as mllm_edit
from ..rtr_dit import bench as rtr_dit
from ..stream_dit import bench as stream_dit
from ..streamedit_dit import bench as streamedit_dit
from .evaluate_options import save

PARTS = ("demo", "full", "dry-run")


def main(comfyui: Path) -> None:
    """Measure with the ComfyUI at ``comfyui``."""
    arguments = parse()
    arguments.comfyui = comfyui
    report: dict = {"load_before": os.getloadavg()}
    if set(arguments.parts) != {"dry-run"}:
        report |= FAMILIES[arguments.family](arguments)
    if "dry-run" in arguments.parts:
        report |= count_rows(arguments)
    report["load_after"] = os.getloadavg()
    for key, value in report.items():
        if isinstance(value, float):
            print(f"{key:36} {value:10.3f}")
    save(arguments.json, report)


def count_rows(arguments: argparse.Namespace) -> dict:
    """The published sizes on a pretended device; every row is printed as it is counted."""
    counted = []
    cards = {name: card(name) for name in arguments.card}
    for row in dry_run.rows(arguments.family, cards, toy=arguments.toy):
        counted.append(row)
        print(json.dumps(row), flush=True)
    return {"note": "counted, not measured", "dry_run": counted}


def measure_parts(bench: ModuleType, arguments: argparse.Namespace) -> dict:
    """The demo through the graph, and the published sizes, of a family whose cases are rows."""
    report: dict = {}
    if "demo" in arguments.parts and not arguments.no_graph:
        report |= bench.demo(arguments.comfyui, arguments.input)
    if "full" in arguments.parts:
        report |= bench.full()
    return report


def measure_mllm_edit(arguments: argparse.Namespace) -> dict:
    """The MLLM-edit family."""
    clip = arguments.input or demo_run.default_clip()
    plan = plan_device(torch.device("cpu"))
    torch.set_num_threads(plan.threads)
    model = load_model(ModelHandle(str(WEIGHTS / "mllm-edit")), plan.device, plan.dtype)
    report: dict = {"clip": clip.name}
    if "demo" in arguments.parts:
        report |= {
            "hardware": hardware_line(plan),
            "dtype": str(plan.dtype),
            "threads": plan.threads,
            "steps": 1,
            "chunk": mllm_edit.CHUNK,
            **demo(model, plan.dtype, clip, arguments),
        }
    if "full" in arguments.parts:
        report["full"] = full(model, clip)
    return report


def demo(model: MLLMEditModel, dtype: torch.dtype, clip: Path, arguments: argparse.Namespace) -> dict:
    """The demo checkpoint on the CPU: engine alone, session, whole graph, and diffusers' pipeline."""
    report: dict = {}
    for side in arguments.sizes:
        frames = read_frames(clip, side, arguments.frames)
        print(f"{side}x{side}: engine, {len(frames)} frames", flush=True)
        rates = mllm_edit.rate(mllm_edit.engine_pass(model, frames, 1), len(frames))
        report[f"engine_fps_{side}"] = rates["fps"]
        print(f"{side}x{side}: session without ComfyUI", flush=True)
        alone = mllm_edit.file_to_file(model, clip, side)
        report[f"lane_overlap_{side}"] = alone["lane_overlap"]
        report[f"session_{side}"] = alone
        if not arguments.no_graph:
            print(f"{side}x{side}: whole graph in ComfyUI", flush=True)
            report |= graph.measure(arguments.comfyui, clip, side)
    print("256x256: baselines", flush=True)
    return report | mllm_edit.compare(model, dtype, read_frames(clip, 256, arguments.frames))


def full(model: MLLMEditModel, clip: Path) -> dict:
    """The published configuration on a CUDA device, a toy one without."""
    cuda = torch.cuda.is_available()
    plan = plan_device(torch.device("cuda" if cuda else "cpu"))
    scale = full_size.FULL if cuda else full_size.TOY
    tokenizer, scheduler = model.encoder.tokenizer, model.scheduler
    big = full_size.random_model(scale, tokenizer, scheduler, plan.device, plan.dtype)
    bench = matrix.Bench(big, scale, read_clip(clip, scale.side, 64).pixels)
    rows = []
    try:
        for case in matrix.cases(scale):
            rows.append(bench.row(case))
            print(json.dumps(rows[-1]), flush=True)
        lanes, baselines = bench.lanes(), bench.baselines()
        rows += bench.quantised()
    finally:
        bench.close()
    report = {
        "hardware": hardware_line(plan),
        "dtype": str(plan.dtype),
        "side": scale.side,
        "warm_up_chunks": matrix.WARM_UP,
        "rows": rows,
        "lanes": lanes,
        "baselines": baselines,
        "summary": matrix.summary(rows, lanes, baselines, scale.chunks[-1]),
    }
    for row in (lanes, *baselines, report["summary"]):
        print(json.dumps(row))
    return report


def read_frames(clip: Path, side: int, count: int) -> np.ndarray:
    """The first whole chunks of a clip, cropped to a square: uint8 (count, side, side, 3)."""
    pixels = read_clip(clip, side, count).pixels
    return pixels[: len(pixels) // mllm_edit.CHUNK * mllm_edit.CHUNK]


FAMILIES = {
    "mllm-edit": measure_mllm_edit,
    "stream-dit": partial(measure_parts, stream_dit),
    "rtr-dit": partial(measure_parts, rtr_dit),
    "streamedit-dit": partial(measure_parts, streamedit_dit),
    "cluster": lambda arguments: cluster.measure(arguments.toy),
    "sound": lambda arguments: sound.measure(arguments.seconds),
    "media": lambda arguments: media.measure(arguments.input or demo_run.default_clip()),
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("family", choices=list(FAMILIES))
    parser.add_argument("--input", type=Path, help="another clip than the default one")
    parser.add_argument("--frames", type=int, default=64, help="frames for the engine alone")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="sides in pixels")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["demo", "full"])
    parser.add_argument("--card", action="append", help="h200, a100, 5090, 4090 or FLOPS,BYTES a second")
    parser.add_argument("--seconds", type=float, default=600.0, help="sound: how long to play")
    parser.add_argument("--toy", action="store_true", help="dry-run: few widths, to try it out")
    parser.add_argument("--no-graph", action="store_true", help="leave ComfyUI out")
    parser.add_argument("--json", type=Path, help="write all figures there")
    arguments = parser.parse_args()
    arguments.card = arguments.card or list(CARDS)
    return arguments

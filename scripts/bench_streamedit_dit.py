"""The streamedit-dit rows of scripts/bench.py."""

from __future__ import annotations

import json
from pathlib import Path

import bench_graph
import torch

from livestyle.engine.benchmark.machine import hardware_line
from livestyle.engine.benchmark.streamedit_dit import Bench
from livestyle.engine.benchmark.streamedit_dit_cases import FULL, TOY, published
from livestyle.engine.families import demo_checkpoints
from livestyle.engine.runtime.device import plan_device

DEMO = "demo: streamedit-dit"
PROMPT = "make it an oil painting"
SIDE, WINDOW = 256, 8


def demo(comfyui: Path, clip: Path) -> dict:
    """Instructed editing at 256x256 through the graph on the CPU, window 8: ``cpu_ms_per_frame_256``."""
    if DEMO not in demo_checkpoints():
        print("demo not measured: there is no demo checkpoint yet")
        return {"demo_note": "not measured: there is no demo checkpoint yet"}
    figures = bench_graph.measure_restyle(comfyui, clip, SIDE, DEMO, PROMPT, 1, cache_window=WINDOW)
    return {"window": WINDOW, **figures}


def full() -> dict:
    """The paper's sizes on a CUDA device, toy ones without."""
    cuda = torch.cuda.is_available()
    plan = plan_device(torch.device("cuda" if cuda else "cpu"))
    bench = Bench(FULL if cuda else TOY, plan.device, torch.bfloat16 if cuda else plan.dtype)
    rows = []
    for row in bench.rows():
        rows.append(row)
        print(json.dumps(row), flush=True)
    return {"full": {"hardware": hardware_line(plan), "rows": rows, **published(rows)}}

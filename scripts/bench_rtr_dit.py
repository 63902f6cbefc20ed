"""The rtr-dit rows of scripts/bench.py."""

from __future__ import annotations

import json
from pathlib import Path

import bench_graph
import torch

from livestyle.engine.benchmark.machine import hardware_line
from livestyle.engine.benchmark.rtr_dit import Bench
from livestyle.engine.benchmark.rtr_dit_cases import FULL, TOY
from livestyle.engine.families import demo_checkpoints
from livestyle.engine.runtime.device import plan_device

DEMO = "demo: rtr-dit"
PROMPT = "make it an oil painting"
SIDE, STEPS = 256, 2


def demo(comfyui: Path, clip: Path) -> dict:
    """Video to video at 256x256 through the graph on the CPU: ``cpu_ms_per_frame_256``."""
    if DEMO not in demo_checkpoints():
        print("demo not measured: there is no demo checkpoint yet")
        return {"demo_note": "not measured: there is no demo checkpoint yet"}
    return bench_graph.measure_restyle(comfyui, clip, SIDE, DEMO, PROMPT, STEPS)


def full() -> dict:
    """Wan's sizes on a CUDA device, a toy one without."""
    cuda = torch.cuda.is_available()
    plan = plan_device(torch.device("cuda" if cuda else "cpu"))
    bench = Bench(FULL if cuda else TOY, plan.device, torch.bfloat16 if cuda else plan.dtype)
    rows = []
    for row in bench.rows():
        rows.append(row)
        print(json.dumps(row), flush=True)
    return {"full": {"hardware": hardware_line(plan), "rows": rows}}

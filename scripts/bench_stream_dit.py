"""The stream-dit rows of scripts/bench.py."""

from __future__ import annotations

import json
from pathlib import Path

import bench_graph
import torch

from livestyle.engine.benchmark.machine import hardware_line
from livestyle.engine.benchmark.stream_dit import FULL, TOY, Bench
from livestyle.engine.families import demo_checkpoints
from livestyle.engine.runtime.device import plan_device

DEMO = "demo: stream-dit"
PROMPT = "a red circle moves slowly to the right over a checkerboard"
SIDE, FRAMES = 128, 384


def demo(comfyui: Path) -> dict:
    """Text to video at 128x128 through the graph on the CPU: ``cpu_ms_per_frame_128``."""
    if DEMO not in demo_checkpoints():
        print("demo not measured: there is no demo checkpoint yet")
        return {"demo_note": "not measured: there is no demo checkpoint yet"}
    return bench_graph.measure_generation(comfyui, DEMO, PROMPT, SIDE, FRAMES)


def full() -> dict:
    """The paper's size on a CUDA device, a toy one without."""
    cuda = torch.cuda.is_available()
    plan = plan_device(torch.device("cuda" if cuda else "cpu"))
    bench = Bench(FULL if cuda else TOY, plan.device, torch.bfloat16 if cuda else plan.dtype)
    rows = []
    for row in bench.rows():
        rows.append(row)
        print(json.dumps(row), flush=True)
    return {"full": {"hardware": hardware_line(plan), "rows": rows}}

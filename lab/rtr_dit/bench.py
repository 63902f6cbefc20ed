"""The rtr-dit rows of scripts/bench.py."""

from __future__ import annotations

from pathlib import Path

import demo_run

from ..benchmark import graph, parts
from .benchmark.cases import FULL, TOY
from .benchmark.streams import Bench

DEMO = "demo: rtr-dit"
PROMPT = "make it an oil painting"
SIDE, STEPS = 256, 2


def demo(comfyui: Path, clip: Path | None) -> dict:
    """Video to video at 256x256 through the graph on the CPU: ``cpu_ms_per_frame_256``."""

    def measure() -> dict:
        film = clip or demo_run.default_clip()
        return graph.measure_restyle(comfyui, film, SIDE, DEMO, PROMPT, STEPS)

    return parts.demo(DEMO, measure)


def full() -> dict:
    """Wan's sizes on a CUDA device, a toy one without."""
    return {"full": parts.full(Bench, FULL, TOY)}

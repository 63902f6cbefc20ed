"""The streamedit-dit rows of scripts/bench.py."""

from __future__ import annotations

from pathlib import Path

import demo_run

from ..benchmark import graph, parts
from .benchmark.cases import FULL, TOY, published
from .benchmark.streams import Bench

DEMO = "demo: streamedit-dit"
PROMPT = "make it an oil painting"
SIDE, WINDOW = 256, 8


def demo(comfyui: Path, clip: Path | None) -> dict:
    """Instructed editing at 256x256 through the graph on the CPU, window 8: ``cpu_ms_per_frame_256``."""

    def measure() -> dict:
        film = clip or demo_run.default_clip()
        figures = graph.measure_restyle(comfyui, film, SIDE, DEMO, PROMPT, 1, cache_window=WINDOW)
        return {"window": WINDOW, **figures}

    return parts.demo(DEMO, measure)


def full() -> dict:
    """The paper's sizes on a CUDA device, toy ones without."""
    measured = parts.full(Bench, FULL, TOY)
    return {"full": {**measured, **published(measured["rows"])}}

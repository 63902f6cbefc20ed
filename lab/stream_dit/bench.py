"""The stream-dit rows of scripts/bench.py."""

from __future__ import annotations

from pathlib import Path

from ..benchmark import graph, parts
from .benchmark.streams import FULL, TOY, Bench, summary

DEMO = "demo: stream-dit"
PROMPT = "a red circle moves slowly to the right over a checkerboard"
SIDE, FRAMES = 128, 384


def demo(comfyui: Path, _clip: Path | None) -> dict:
    """Text to video at 128x128 through the graph on the CPU: ``cpu_ms_per_frame_128``."""
    return parts.demo(DEMO, lambda: graph.measure_generation(comfyui, DEMO, PROMPT, SIDE, FRAMES))


def full() -> dict:
    """The paper's size on a CUDA device, a toy one without."""
    measured = parts.full(Bench, FULL, TOY)
    return {"full": measured, "full_size": summary(measured["rows"])}

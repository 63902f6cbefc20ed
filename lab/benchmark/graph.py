"""The whole graph in a real ComfyUI process: its CPU time a frame, its rate, its first frame."""

from __future__ import annotations

import json
import time
from pathlib import Path

import machine_cache
import psutil
from comfy_client import ComfyClient, ComfyError, Event
from comfy_server import ComfyServer
from demo_run import FOLDER, WORKFLOW, fill_in, stage_input
from environment import ROOT

WARM_UP = 16  # frames that are not measured: the first chunks compile kernels and fill the caches


class _Meter:
    """CPU time and clock of a process at the first and the last measured frame."""

    def __init__(self, pid: int) -> None:
        self.process = psutil.Process(pid)
        self.queued = time.perf_counter()
        self.first_frame = 0.0
        self.samples: list[tuple[int, float, float]] = []

    def on_event(self, event: Event) -> None:
        if event["type"] != "progress":
            return
        now, done = time.perf_counter(), int(event["data"]["value"])
        if done and not self.first_frame:
            self.first_frame = now - self.queued
        if done >= WARM_UP:
            times = self.process.cpu_times()
            self.samples.append((done, times.user + times.system, now))


def measure(comfyui: Path, clip: Path, side: int) -> dict[str, float]:
    """Run the default workflow twice, the second time measured: weights are loaded by then.

    Returns:
        ``cpu_ms_per_frame_<side>`` (the ComfyUI process, decode and encode included, preview on but
        unwatched), ``graph_fps_<side>`` (steady state) and ``first_frame_s_<side>`` (from queueing).
    """
    prompt = json.loads((ROOT / "workflows" / "api" / f"{WORKFLOW}.json").read_text())
    fill_in(prompt, clip.name, None, (side, side))
    _inputs(prompt, "StreamDenoise")["chunk"] = 4
    figures, first_frame = _steady_state(comfyui, prompt, clip)
    return {
        f"cpu_ms_per_frame_{side}": figures["cpu_ms_per_frame"],
        f"graph_fps_{side}": figures["fps"],
        f"first_frame_s_{side}" if side != 256 else "first_frame_s": first_frame,
    }


def measure_restyle(
    comfyui: Path, clip: Path, side: int, checkpoint: str, text: str, steps: int, **widgets: int
) -> dict[str, float]:
    """The same keys for the default workflow with another demo checkpoint, by its name in the list.

    Args:
        widgets: further ones of StreamDenoise.
    """
    prompt = json.loads((ROOT / "workflows" / "api" / f"{WORKFLOW}.json").read_text())
    fill_in(prompt, clip.name, None, (side, side))
    _inputs(prompt, "LoadStreamModel")["checkpoint"] = checkpoint
    _inputs(prompt, "MLLMEncode")["prompt"] = text
    _inputs(prompt, "StreamDenoise").update(steps=steps, chunk=0, noise="fresh", **widgets)
    figures, first_frame = _steady_state(comfyui, prompt, clip)
    return {
        f"cpu_ms_per_frame_{side}": figures["cpu_ms_per_frame"],
        f"graph_fps_{side}": figures["fps"],
        f"first_frame_s_{side}": first_frame,
    }


def measure_generation(comfyui: Path, checkpoint: str, text: str, side: int, frames: int) -> dict[str, float]:
    """The same keys for text to video with a demo checkpoint, by its name in the list."""
    prompt = json.loads((ROOT / "workflows" / "api" / "generate.json").read_text())
    _inputs(prompt, "LoadStreamModel")["checkpoint"] = checkpoint
    _inputs(prompt, "MLLMEncode")["prompt"] = text
    _inputs(prompt, "StreamDenoise").update(width=side, height=side, length=frames, fps=0.0)
    figures, first_frame = _steady_state(comfyui, prompt, None)
    return {
        f"cpu_ms_per_frame_{side}": figures["cpu_ms_per_frame"],
        f"graph_fps_{side}": figures["fps"],
        f"first_frame_s_{side}": first_frame,
    }


def _inputs(prompt: dict, node: str) -> dict:
    return next(n for n in prompt.values() if n["class_type"] == node)["inputs"]


def _steady_state(comfyui: Path, prompt: dict, clip: Path | None) -> tuple[dict[str, float], float]:
    """Run a workflow twice; CPU time and rate of the second run, and its first frame's seconds."""
    with ComfyServer(comfyui, ROOT, machine_cache.cache_root() / "comfyui-base", folder=FOLDER) as server:
        if clip:
            stage_input(clip, server.input)
        client = ComfyClient(server.url)
        for _ in range(2):
            meter = _Meter(server.pid)
            outcome = client.run(prompt, meter.on_event, timeout=3600)
            if outcome.status != "success":
                raise ComfyError(outcome.error or outcome.status)
    (first, cpu, wall), (last, cpu_end, wall_end) = meter.samples[0], meter.samples[-1]
    frames = last - first
    figures = {"cpu_ms_per_frame": (cpu_end - cpu) / frames * 1000.0, "fps": frames / (wall_end - wall)}
    return figures, meter.first_frame

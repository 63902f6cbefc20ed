"""Measure speed, each figure with its baseline in the same run.

    python scripts/bench.py mllm-edit --json FILE

Wall-clock rates on a shared machine are noise: read them with the load average beside them, and
go by CPU time and ratios. docs/measures.md defines every key.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

import environment

COMFYUI = environment.enter(__file__)

import pack  # noqa: E402 - only the environment above can import what the pack needs

pack.load_pack()

import bench_graph  # noqa: E402
import demo_run  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from livestyle.engine.benchmark import mllm_edit  # noqa: E402
from livestyle.engine.families import WEIGHTS, load_model  # noqa: E402
from livestyle.engine.families.base import ModelHandle  # noqa: E402
from livestyle.engine.media.sources import SourceSpec  # noqa: E402
from livestyle.engine.runtime.device import plan_device  # noqa: E402


def main() -> None:
    arguments = parse()
    plan = plan_device(torch.device("cpu"))
    torch.set_num_threads(plan.threads)
    clip = arguments.input or demo_run.default_clip()
    model = load_model(ModelHandle(str(WEIGHTS / "mllm-edit")), plan.device, plan.dtype)
    report: dict = {
        "hardware": hardware(),
        "dtype": str(plan.dtype),
        "threads": plan.threads,
        "steps": 1,
        "chunk": mllm_edit.CHUNK,
        "clip": clip.name,
        "load_before": os.getloadavg(),
    }
    for side in arguments.sizes:
        frames = read_frames(clip, side, arguments.frames)
        print(f"{side}x{side}: engine, {len(frames)} frames", flush=True)
        report[f"engine_fps_{side}"] = mllm_edit.rate(mllm_edit.engine_pass(model, frames, 1), len(frames))[
            "fps"
        ]
        print(f"{side}x{side}: session without ComfyUI", flush=True)
        alone = mllm_edit.file_to_file(model, clip, side)
        report[f"lane_overlap_{side}"] = alone["lane_overlap"]
        report[f"session_{side}"] = alone
        if not arguments.no_graph:
            print(f"{side}x{side}: whole graph in ComfyUI", flush=True)
            report |= bench_graph.measure(COMFYUI, clip, side)
    print("256x256: baselines", flush=True)
    report |= mllm_edit.compare(model, plan.dtype, read_frames(clip, 256, arguments.frames))
    report["load_after"] = os.getloadavg()
    for key, value in report.items():
        if isinstance(value, float):
            print(f"{key:36} {value:10.3f}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


def hardware() -> str:
    """The processor and how many cores this process may use."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next(
            (ln.split(":")[1].strip() for ln in info.read_text().splitlines() if "model name" in ln), model
        )
    return f"{model}, {os.cpu_count()} cores, torch {torch.__version__}"


def read_frames(clip: Path, side: int, count: int) -> np.ndarray:
    """The first frames of a clip, cropped to a square: uint8 (count, side, side, 3)."""
    source = SourceSpec("file", str(clip)).open()
    try:
        source.start(side, side, "crop")
        frames = source.read(count)
    finally:
        source.close()
    assert frames is not None
    return frames.pixels[: len(frames) // mllm_edit.CHUNK * mllm_edit.CHUNK]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("family", choices=["mllm-edit"])
    parser.add_argument("--input", type=Path, help="another clip than the default one")
    parser.add_argument("--frames", type=int, default=64, help="frames for the engine alone")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512], help="sides in pixels")
    parser.add_argument("--no-graph", action="store_true", help="leave ComfyUI out")
    parser.add_argument("--json", type=Path, help="write all figures there")
    return parser.parse_args()


if __name__ == "__main__":
    main()

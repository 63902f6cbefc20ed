"""Load a checkpoint, say what it is played as, play eight blocks, and write a contact sheet and a report.

    python scripts/check_checkpoint.py MODEL.safetensors --autoencoder VAE.safetensors --text-encoder FOLDER

The report (``report.md``) is made to be pasted into an issue; it holds no paths.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import diffusers
import numpy as np
import torch

from ...engine.conditioning.recipe import ConditioningRecipe
from ...engine.errors import LiveStyleError
from ...engine.families import StreamRequest, identify, load_model, make_runner, weight_bytes
from ...engine.families.base import DenoiseSettings, ModelHandle, Runner, StreamModel
from ...engine.runtime.device import DevicePlan, plan_device
from ..benchmark.inline import play
from ..benchmark.machine import hardware_line
from ..evaluation.clips import read_frames
from ..evaluation.sheet import contact_sheet

CLIP = Path(__file__).parents[2] / "example_media" / "flower.mp4"
FLAT, STILL = 3.0, 0.2
"""Below these a block is one colour (deviation), or stands still (mean difference of frames), 0 to 255."""


def main() -> None:
    arguments = parse()
    arguments.output.mkdir(parents=True, exist_ok=True)
    report = Report(arguments)
    try:
        report.check()
    except LiveStyleError as error:
        report.lines += ["", f"**Refused:** {error}"]
    text = "\n".join(report.lines) + "\n"
    (arguments.output / "report.md").write_text(text, encoding="utf-8")
    print(text)
    print(f"Written: {arguments.output}")
    if not report.played:
        raise SystemExit(1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="a file or folder")
    for name in ("autoencoder", "text-encoder", "lora"):
        parser.add_argument(f"--{name}", type=Path, help="where it is not beside the checkpoint")
    parser.add_argument("--profile", default="", help="plays it as this one; else it is recognised")
    parser.add_argument("--prompt", default="a red flower in the wind, oil painting")
    parser.add_argument("--source", type=Path, help="a video; without one, a model that can generates")
    parser.add_argument("--size", default="832x480", help="width x height")
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--steps", type=int, default=0, help="0 takes all that the model was made for")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", choices=["auto", "bf16", "fp32"], default="auto")
    parser.add_argument("--output", type=Path, default=Path("checked"), help="a folder")
    return parser.parse_args()


class Report:
    """What was found, line by line.

    Attributes:
        lines: of Markdown.
        played: whether blocks came out.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments, self.played = arguments, False
        self.lines = [f"# {arguments.checkpoint.name}", ""]

    def check(self) -> None:
        """Every stage in turn; raises LiveStyleError where one can't go on."""
        arguments = self.arguments
        plan = plan_device(torch.device(arguments.device))
        handle = ModelHandle(
            str(arguments.checkpoint.resolve()),
            autoencoder=_path(arguments.autoencoder),
            text_encoder=_path(arguments.text_encoder),
            lora=_path(arguments.lora),
            dtype=arguments.dtype,
            profile=arguments.profile,
        )
        self._say("machine", f"{hardware_line(plan)}, diffusers {diffusers.__version__}")
        self._say("recognised", identify(handle) or "nothing to tell")
        dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}.get(arguments.dtype, plan.dtype)
        sizes = weight_bytes(handle, dtype)
        self._say("weights", ", ".join(f"{part} {size / 1e9:.2f} GB" for part, size in sizes.items()))
        started = time.perf_counter()
        model = load_model(handle, plan.device, dtype)
        self._say(
            "loaded", f"in {time.perf_counter() - started:.1f} s, as {str(dtype).removeprefix('torch.')}"
        )
        self._play(model, plan)

    def _play(self, model: StreamModel, plan: DevicePlan) -> None:
        arguments = self.arguments
        profile = getattr(model, "profile", None)
        steps = arguments.steps or len(getattr(profile, "steps", (1,)))
        if profile is not None:
            self._say("profile", f"`{profile}`")
        settings = DenoiseSettings(steps=steps)
        multiple = model.requirements(settings).multiple
        width, height = (int(side) // multiple * multiple for side in arguments.size.split("x"))
        self._say("stream", f"{width}x{height}, {steps} steps, prompt: {arguments.prompt}")
        recipe = ConditioningRecipe(arguments.prompt, node_id="check")
        request = StreamRequest(
            settings, recipe, node_id="denoise", model_node_id="model", width=width, height=height
        )
        with torch.no_grad():
            runner = make_runner(model, request)
        length = runner.requirements.first + (arguments.blocks - 1) * runner.requirements.chunk_frames
        frames = self._source(runner, width, height, length)
        self.lines += [
            "",
            "| block | frames | seconds | mean | deviation | motion | |",
            "|---|---|---|---|---|---|---|",
        ]
        pictures = []
        for number, (block, seconds) in enumerate(_timed(play(runner, frames, length=length))):
            self.lines.append(f"| {number + 1} | {len(block)} | {seconds:.2f} | {_figures(block)} |")
            pictures.append(block[len(block) // 2])
        self.played = bool(pictures)
        tiles = [(f"block {number + 1}", each[None]) for number, each in enumerate(pictures)]
        contact_sheet(tiles, arguments.output / "sheet.jpg", across=4)
        if plan.device.type == "cuda":
            self._say("most memory", f"{torch.cuda.max_memory_allocated(plan.device) / 1e9:.2f} GB")

    def _source(self, runner: Runner, width: int, height: int, length: int) -> np.ndarray | None:
        path = self.arguments.source or (CLIP if runner.requirements.needs_source else None)
        if path is None:
            return None
        pixels = read_frames(path, width, height, length)
        self._say("source", f"{path.name}, {len(pixels)} frames")
        return pixels

    def _say(self, what: str, found: str) -> None:
        self.lines.append(f"- {what}: {found}")


def _timed(blocks: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, float]]:
    """Blocks with their wall seconds; they arrive on the CPU, so the device has finished them."""
    while True:
        started = time.perf_counter()
        block = next(blocks, None)
        if block is None:
            return
        yield block, time.perf_counter() - started


def _figures(block: np.ndarray) -> str:
    """Mean, deviation and motion of uint8 RGB (N, H, W, 3), and what they say."""
    pixels = block.astype(np.float32)
    motion = float(np.abs(np.diff(pixels, axis=0)).mean()) if len(block) > 1 else None
    deviation = float(pixels.std())
    remarks = ["one colour"] if deviation < FLAT else []
    remarks += ["stands still"] if motion is not None and motion < STILL else []
    moved = "" if motion is None else f"{motion:.2f}"
    return f"{pixels.mean():.1f} | {deviation:.1f} | {moved} | {', '.join(remarks)}"


def _path(given: Path | None) -> str:
    return "" if given is None else str(given.resolve())

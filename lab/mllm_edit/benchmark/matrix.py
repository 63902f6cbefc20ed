"""The speed of one model in many settings, each beside what it is compared with, in the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.errors import SettingError
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings, TemporalAdapter
from ....engine.families.mllm_edit.fp8 import quantise
from ....engine.families.mllm_edit.model import MLLMEditModel
from ....engine.families.mllm_edit.runner import MLLMEditRunner
from ....engine.motion.refresh import RefreshPolicy
from ....engine.networks.hooks import hook_sites
from ....engine.networks.lllite import TemporalLLLite
from ....engine.networks.lllite_file import save_lllite
from ....engine.runtime.device import plan_device
from ....engine.runtime.lanes import Lanes, lanes_of
from ...benchmark.playback import play_through
from ...benchmark.rates import flops_per_frame, matmul_flops
from .baseline import edit_frames, pipeline
from .full_size import Scale, widened
from .stages import lane_seconds, seconds

PROMPT = "make it an oil painting"
WARM_UP, CHUNKS = 2, 16
CACHED = 16
REFRESH = 8
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        adapter: ``"off"``, ``"all"`` or ``"down"`` hooks, refreshed every 8 chunks.
        te_every: chunks from one encoding of the text to the next.
        lanes: ``"two"`` as the device plans it, ``"one"`` for all stages in turn.
        fp8: weights of U-Net and text encoder in eight bits.
    """

    chunk: int
    steps: int = 1
    adapter: str = "off"
    te_every: int = 1
    compiled: bool = False
    lanes: str = "two"
    fp8: bool = False


def cases(scale: Scale) -> Iterator[Case]:
    """Chunk by steps, eager and compiled; then one setting at a time at the largest chunk."""
    for compiled in (False, True):
        for chunk in scale.chunks:
            for steps in (1, 2, 4):
                yield Case(chunk, steps, compiled=compiled)
        largest = Case(scale.chunks[-1], compiled=compiled)
        yield replace(largest, lanes="one")
        for adapter in ("all", "down"):
            yield replace(largest, adapter=adapter)
        for chunk in scale.chunks:
            yield replace(largest, chunk=chunk, te_every=CACHED)
        yield replace(largest, adapter="down", te_every=CACHED)


class Bench:
    """Runs the cases of one scale.

    Args:
        model: of that scale, on its device.
        frames: uint8 RGB (N, side, side, 3), at least one chunk; they are repeated as often as needed.
    """

    def __init__(self, model: MLLMEditModel, scale: Scale, frames: np.ndarray) -> None:
        self.model, self.scale, self.frames = model, scale, frames
        self.device = model.denoiser.unet.device
        self.prompt = widened(PROMPT, model.encoder, scale.kept)
        self._one = Lanes(replace(plan_device(self.device), lanes="single"))
        self._folder = tempfile.TemporaryDirectory()
        self.adapter = Path(self._folder.name) / "lllite.safetensors"
        save_lllite(self.adapter, TemporalLLLite.new(hook_sites(model.denoiser.unet)), {})

    def row(self, case: Case) -> Row:
        """A case's rate by wall time; where it can't run, why."""
        if case.compiled and self.device.type != "cuda":
            return {**asdict(case), "note": "not measured: compiled rows need a CUDA device"}
        lanes = self._one if case.lanes == "one" else lanes_of(self.device)
        played = play_through(self.runner(case), self._clip(WARM_UP + CHUNKS, case.chunk), lanes)
        return {**asdict(case), "fps": played.fps(WARM_UP), "frames": CHUNKS * case.chunk, **self._size()}

    def lanes(self) -> Row:
        """Wall time over the lanes run alone, and the share of the device's arithmetic that is used."""
        case = Case(self.scale.chunks[-1])
        runner = self.runner(case)
        clip = self._clip(CHUNKS, case.chunk)
        flops = flops_per_frame(runner, clip[: case.chunk])
        alone = lane_seconds(runner, clip, self.device)
        runner.reset()
        played = play_through(runner, self._clip(WARM_UP + CHUNKS, case.chunk), lanes_of(self.device))
        fps = played.fps(WARM_UP)
        wall = len(clip) / fps
        best = matmul_flops(self.device, self.model.denoiser.unet.dtype)
        return {
            **{f"{lane}_s": value for lane, value in alone.items()},
            "wall_s": wall,
            "wall_over_max": wall / max(alone.values()),
            "wall_over_sum": wall / sum(alone.values()),
            "gflop_per_frame": flops / 1e9,
            "matmul_tflops": best / 1e12,
            "mfu": flops * fps / best,
            **self._size(),
        }

    def baselines(self) -> list[Row]:
        """diffusers' own pipeline on the same weights, a call a frame."""
        pipe = pipeline(self.model, self.model.denoiser.unet.dtype).to(self.device)
        few = self._clip(1, 4)
        return [
            {
                "baseline": "diffusers DreamLiteMobilePipeline, frame by frame",
                "steps": steps,
                "fps": len(few) / seconds(lambda n=steps: edit_frames(pipe, few, PROMPT, n), self.device, 1),
                **self._size(),
            }
            for steps in (1, 4)
        ]

    def quantised(self) -> list[Row]:
        """fp8 weights, compiled, at the largest chunk. It changes the model: run it last."""
        case = Case(self.scale.chunks[-1], compiled=True, fp8=True)
        if self.device.type != "cuda":
            return [{**asdict(case), "note": "not measured: needs a CUDA device"}]
        try:
            error = quantise(self.model)
        except SettingError as reason:
            return [{**asdict(case), "note": f"not measured: {reason}"}]
        return [{**self.row(case), "error_states": error.states, "error_latent": error.latent}]

    def close(self) -> None:
        """Remove the random adapter's file."""
        self._folder.cleanup()

    def _clip(self, chunks: int, count: int) -> np.ndarray:
        return self.frames[np.arange(chunks * count) % len(self.frames)]

    def runner(self, case: Case) -> MLLMEditRunner:
        model = self.model
        if case.adapter != "off":
            refresh = RefreshPolicy(every=REFRESH)
            model = model.patched((TemporalAdapter(str(self.adapter), case.adapter, refresh=refresh),))
        side = self.scale.side
        with torch.no_grad():
            return make_runner(
                model,
                StreamRequest(
                    DenoiseSettings(steps=case.steps, chunk=case.chunk, compile=case.compiled),
                    ConditioningRecipe(self.prompt, te_refresh_every=case.te_every, node_id="text"),
                    node_id="denoise",
                    model_node_id="model",
                    width=side,
                    height=side,
                ),
            )

    def _size(self) -> Row:
        """What a row was measured at; toy rows say that they are no figures of the full size."""
        at: Row = {"scale": self.scale.name}
        if self.scale.name != "full size":
            at["note"] = "full size not measured: no CUDA device here"
        return at


def summary(rows: list[Row], lanes: Row, baselines: list[Row], largest: int) -> Row:
    """The ratios that are asked for; a key is left out where a row behind it could not be measured."""

    def fps(**wanted: Any) -> float | None:
        case = asdict(Case(**{"chunk": largest, **wanted}))
        return next((r.get("fps") for r in rows if case.items() <= r.items()), None)

    pairs = {
        "two_lanes_over_one": (fps(), fps(lanes="one")),
        "compiled_over_eager": (fps(compiled=True), fps()),
        "adapter_share": (fps(adapter="down"), fps()),
        "adapter_share_compiled": (fps(adapter="down", compiled=True), fps(compiled=True)),
        "engine_over_pipeline_1_step": (fps(), baselines[0]["fps"]),
        "engine_over_pipeline_4_steps": (fps(), baselines[1]["fps"]),
    }
    best = {
        "fps_te_every_chunk": [fps(), fps(compiled=True)],
        "fps_te_cached": [fps(te_every=CACHED), fps(te_every=CACHED, compiled=True)],
    }
    ratios = {name: over / under for name, (over, under) in pairs.items() if over and under}
    rates = {name: max(filter(None, values)) for name, values in best.items() if any(values)}
    shares = {key: lanes[key] for key in ("wall_over_max", "wall_over_sum", "mfu", "scale")}
    return {**ratios, **rates, **shares, **({"note": lanes["note"]} if "note" in lanes else {})}

"""What all tables share: a configuration, a clip, one measured run of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Literal

import numpy as np
import torch

from .....engine.conditioning.recipe import ConditioningRecipe
from .....engine.families import StreamRequest, make_runner
from .....engine.families.base import DenoiseSettings, TemporalAdapter
from .....engine.families.mllm_edit.model import MLLMEditModel
from .....engine.families.mllm_edit.runner import MLLMEditRunner
from .....engine.motion.flow import PAPER, FlowSettings
from .....engine.motion.refresh import RefreshPolicy
from .....engine.runtime.lanes import lanes_of
from ....benchmark.playback import Playback, play_through
from ....evaluation.clips import Clip
from ....evaluation.prompts import ASK
from ....metrics.perceptual import EfficientNetLite0

Row = dict[str, Any]
MEASURES = ("warping_error", "excess", "sobel", "gradient", "high_frequency", "slot_flicker")


@dataclass(frozen=True)
class Config:
    """One way to run the system; the defaults are the paper's champion without its adapter.

    Attributes:
        name: how the row is called.
        hooks: part of the adapter; None runs without one.
        refresh: chunks between two refreshes; 0 refreshes once.
        cuts: whether a hard cut refreshes.
        lora: run the model with the LoRA.
    """

    name: str
    steps: int = 1
    chunk: int = 8
    hooks: Literal["all", "down"] | None = None
    refresh: int = 8
    cuts: bool = True
    flow: FlowSettings = PAPER
    compiled: bool = False
    lora: bool = False


@dataclass
class Study:
    """A model, what may be put on it, and the clips that it is measured on.

    Attributes:
        clips: the ones that everything runs on; the first one is played in loops.
        held_out: clips for the generality table, perhaps none.
        adapter, lora: the adapter's file, and the model with its LoRA merged in; without one, the rows
            that need it say so.
        style: what is asked for where a table has one prompt.
        prompts: ``{style: {"sentences": [...]}}`` that training never saw.
        hardware: one line.
        emit: takes the row of every single run.
        warm_up: chunks that no rate counts.
        length, window: frames of the long runs, and of a window of them.
    """

    model: MLLMEditModel
    device: torch.device
    clips: Sequence[Clip]
    trunk: EfficientNetLite0
    hardware: str
    emit: Callable[[Row], None]
    held_out: Sequence[Clip] = ()
    adapter: Path | None = None
    lora: MLLMEditModel | None = None
    style: str = "oil"
    prompts: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    seed: int = 0
    warm_up: int = 2
    length: int = 480
    window: int = 64
    table: str = ""
    _current: tuple[Config, tuple[int, int], MLLMEditRunner] | None = None

    def lacks(self, config: Config) -> str | None:
        """Why a configuration can't be run here."""
        if config.hooks and self.adapter is None:
            return "not measured: give an adapter with --adapter"
        if config.lora and self.lora is None:
            return "not measured: give a LoRA with --lora"
        if config.compiled and self.device.type != "cuda":
            return "not measured: compiled rows need a CUDA device"
        return None

    def runner(self, config: Config, pixels: np.ndarray) -> MLLMEditRunner:
        """For frames of this size, reset; kept until another configuration comes, so it compiles once."""
        height, width = pixels.shape[1:3]
        if self._current is None or self._current[:2] != (config, (height, width)):
            self._current = (config, (height, width), self._new_runner(config, width, height))
        runner = self._current[2]
        runner.reset()
        return runner

    def play(self, config: Config, pixels: np.ndarray, prompt: str = "") -> Playback:
        """Run a clip, uint8 (N, H, W, 3), as fast as it goes."""
        live = {"text.prompt": prompt or ASK[self.style]}
        return play_through(self.runner(config, pixels), pixels, lanes_of(self.device), live)

    def measure(self, config: Config, clip: Clip, prompt: str = "", **labels: Any) -> tuple[Row, Playback]:
        """Run and measure a clip; its row goes to ``emit``."""
        played = self.play(config, clip.pixels, prompt)
        rate = played.fps(self.warm_up)
        row: Row = {
            "table": self.table,
            "config": config.name,
            "clip": clip.name,
            **labels,
            "fps": None if np.isnan(rate) else rate,  # a clip that is all warm-up has no rate
            "warm_up_chunks": self.warm_up,
            "frames": len(clip.pixels),
            **clip.source.measure(played.pixels, config.chunk),
        }
        self.emit(row)
        return row, played

    def measured(self, config: Config, clips: Sequence[Clip], prompt: str = "", **labels: Any) -> Row:
        """``measure`` on several clips: the mean and the spread of rate and warping error."""
        lacking = self.lacks(config)
        if lacking:
            return {"config": config.name, **labels, "note": lacking}
        rows = [self.measure(config, clip, prompt, **labels)[0] for clip in clips]
        return {"config": config.name, **labels, **averaged(rows)}

    def _new_runner(self, config: Config, width: int, height: int) -> MLLMEditRunner:
        model = self.lora if config.lora else self.model
        assert model is not None
        if config.hooks:
            policy = RefreshPolicy(every=config.refresh, cuts=config.cuts)
            put_on = TemporalAdapter(
                str(self.adapter), config.hooks, 1.0, policy, config.flow, node_id="adapter"
            )
            model = model.patched((put_on,))
        settings = DenoiseSettings(
            steps=config.steps, chunk=config.chunk, noise="shared", seed=self.seed, compile=config.compiled
        )
        with torch.no_grad():
            return make_runner(
                model,
                StreamRequest(
                    settings,
                    ConditioningRecipe(ASK[self.style], te_refresh_every=1, node_id="text"),
                    node_id="denoise",
                    model_node_id="model",
                    width=width,
                    height=height,
                ),
            )


def averaged(rows: Sequence[Row]) -> Row:
    """Means over clips, and the standard deviation of the rate and of the paper's warping error."""
    row: Row = {"clips": len(rows)}
    for key in ("fps", "warping_error"):
        values = [r[key] for r in rows if r[key] is not None]
        row[key] = fmean(values) if values else None
        row[f"{key}_std"] = stdev(values) if len(values) > 1 else 0.0
    for key in MEASURES:
        values = [r[key] for r in rows if key in r]
        if values and key not in row:
            row[key] = fmean(values)
    return row


def with_chunk(config: Config, chunk: int) -> Config:
    """The same configuration at another chunk size."""
    return replace(config, name=f"{config.name}, chunk {chunk}", chunk=chunk)

"""Plays a clip through the lanes and keeps pictures and times: a rate is frames delivered by wall time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...engine.families.base import Runner
from ...engine.media.types import Frames
from ...engine.runtime.control import Control
from ...engine.runtime.lanes import Lanes
from ...engine.runtime.parameters import ParameterStore
from ...engine.runtime.stage_pipeline import StagePipeline
from ...engine.runtime.telemetry import Telemetry


@dataclass(frozen=True)
class Playback:
    """What came out, and when.

    Attributes:
        pixels: uint8 RGB (N, H, W, 3).
        fed: seconds from the start at which each chunk went in, (chunks,).
        delivered: seconds at which it came out, (chunks,).
        sizes: its frames, (chunks,).
        busy: seconds for which each lane worked.
    """

    pixels: np.ndarray
    fed: np.ndarray
    delivered: np.ndarray
    sizes: np.ndarray
    busy: dict[str, float]

    def fps(self, warm_up: int) -> float:
        """Frames a second by wall time after the first ``warm_up`` chunks; NaN where none is left."""
        if len(self.sizes) <= warm_up:
            return float("nan")
        since = self.delivered[warm_up - 1] if warm_up else 0.0
        return float(self.sizes[warm_up:].sum() / (self.delivered[-1] - since))

    def periods(self, warm_up: int) -> np.ndarray:
        """Seconds from one delivery to the next, after the warm-up."""
        return np.diff(self.delivered[max(0, warm_up - 1) :])

    def latencies(self, warm_up: int) -> np.ndarray:
        """Seconds that a chunk spends in the pipeline, the chunks encoded ahead of it included."""
        return (self.delivered - self.fed)[warm_up:]


def play_through(
    runner: Runner, frames: np.ndarray | int, lanes: Lanes, live: Mapping[str, Any] | None = None
) -> Playback:
    """Feed a clip as fast as the pipeline takes it, frames in memory.

    Args:
        runner: fresh.
        frames: uint8 RGB (N, H, W, 3); how many, where they are generated.
        lanes: of the runner's device.
        live: values other than the runner's own defaults.

    Raises:
        LiveStyleError: a stage failed.
    """
    control, telemetry = Control(), Telemetry()
    store = ParameterStore(runner.live_parameters, lambda receipt: None)
    for key, value in (live or {}).items():
        store.set(key, value)
    pipeline = StagePipeline(runner, lanes, store, telemetry, control)
    fed: list[float] = []
    delivered: list[float] = []
    results: list[Frames] = []
    length = frames if isinstance(frames, int) else len(frames)
    position, started = 0, time.perf_counter()
    while position < length or not pipeline.idle:
        if control.failure:
            raise control.failure
        wanted = min(pipeline.wanted, length - position)
        if wanted:
            moments = tuple(Fraction(position + i, 24) for i in range(wanted))
            fed.append(time.perf_counter() - started)
            if isinstance(frames, int):
                pipeline.feed(Frames.undrawn(position, moments))
            else:
                pipeline.feed(Frames(frames[position : position + wanted], position, moments))
            position += wanted
        elif pipeline.ready:
            results.append(pipeline.take())
            delivered.append(time.perf_counter() - started)
        elif position < length or not pipeline.drain():
            control.wait()
    while pipeline.working:
        control.wait(0.01)
    pipeline.release()
    pixels = np.concatenate([result.pixels for result in results])
    sizes = np.array([len(result) for result in results])
    return Playback(pixels, np.array(fed), np.array(delivered), sizes, telemetry.snapshot()["busy_s"])

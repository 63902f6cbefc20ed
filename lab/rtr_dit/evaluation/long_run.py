"""Does a long stream stay as it is?"""

from __future__ import annotations

import resource
from typing import Any

import numpy as np

from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import DenoiseSettings
from ...benchmark.inline import play
from ...evaluation.clips import Clip, to_and_fro
from ...metrics.drift import drift
from ...metrics.sharpness import gradient_magnitude
from ...metrics.temporal import clip_motion, pair_errors
from .candidates import Candidate
from .study import Study, by_reference

WINDOW = 64


def long_report(study: Study, clip: Clip, candidate: Candidate, frames: int) -> dict[str, Any]:
    """``drift_ok``, the drift of each measure, and memory in the middle and at the end.

    The clip plays to and fro; pictures are measured chunk by chunk and not kept.
    """
    height, width = clip.pixels.shape[1:3]
    settings = DenoiseSettings(steps=study.steps, noise="fresh", seed=study.seed)
    names = {"node_id": "denoise", "model_node_id": "model"}
    runner = make_runner(
        study.model,
        StreamRequest(settings, by_reference(candidate.picture), width=width, height=height, **names),
    )
    period = to_and_fro(clip.pixels, WINDOW, WINDOW)
    motion = clip_motion(np.concatenate([period, period[:1]]))
    values: list[tuple[float, float, float, float]] = []
    before: np.ndarray | None = None
    memory: list[int] = []
    for part in play(runner, Repeated(period, frames)):
        for frame in part:
            error, share = 0.0, 0.0
            if before is not None:
                pair = motion[(len(values) - 1) % WINDOW]
                found = pair_errors(np.stack([before, frame]), [pair])
                error, share = float(found.visible[0]), float(found.share[0])
            values.append((error, share, gradient_magnitude(frame[None]), float(frame.mean())))
            before = frame
        if not memory and len(values) >= frames // 2:
            memory.append(_peak_mb())
    errors, shares, gradients, brightness = np.array(values).T
    rows = {
        "warping_error_masked": drift(errors[1:], WINDOW, shares[1:]),
        "gradient": drift(gradients, WINDOW),
        "brightness": drift(brightness, WINDOW),
    }
    return {
        "drift_ok": rows["warping_error_masked"].ok,
        "drift_frames": len(values),
        **{f"drift_{name}_share": row.share for name, row in rows.items()},
        "peak_memory_growth_mb": _peak_mb() - memory[0],
        "drift": {name: {"ok": row.ok, "low": row.low, "high": row.high} for name, row in rows.items()},
    }


class Repeated:
    """A clip over and over, as an array that is too long to be one: ``play`` takes slices of it."""

    def __init__(self, period: np.ndarray, frames: int) -> None:
        self.period, self.frames = period, frames

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, some: slice) -> np.ndarray:
        return self.period[np.arange(some.start, some.stop) % len(self.period)]


def _peak_mb() -> int:
    """The process's largest resident memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

"""Speed of the MLLM-edit family: engine alone against diffusers' pipeline, and file to file."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from statistics import median

import numpy as np
import torch

from ....engine.conditioning.recipe import ConditioningRecipe
from ....engine.families import StreamRequest, make_runner
from ....engine.families.base import Chunk, DenoiseSettings, ModelHandle
from ....engine.families.mllm_edit.model import MLLMEditModel
from ....engine.media.sinks import SinkSpec
from ....engine.media.sources import SourceSpec
from ....engine.media.types import Frames
from ....engine.runtime.plan import PlanNode, Read, Stylise, Write
from ....engine.runtime.session import StreamSession
from .baseline import edit_frames, pipeline, published_layout

PROMPT = "make it an oil painting"
CHUNK = 4
PAIRS = 5


def engine_pass(model: MLLMEditModel, frames: np.ndarray, steps: int) -> Callable[[], None]:
    """One pass of the runner over frames in memory: uint8 in, uint8 out."""
    height, width = frames.shape[1:3]
    settings = DenoiseSettings(steps=steps, chunk=CHUNK)
    recipe = ConditioningRecipe(PROMPT, te_refresh_every=1, te_batch_one=False, node_id="text")
    runner = make_runner(
        model,
        StreamRequest(settings, recipe, node_id="denoise", model_node_id="model", width=width, height=height),
    )
    live = {parameter.key: parameter.default for parameter in runner.live_parameters}

    def run() -> None:
        with torch.inference_mode():
            for first in range(0, len(frames), CHUNK):
                part = Frames(frames[first : first + CHUNK], first, (Fraction(0),) * CHUNK)
                encoded = runner.encode(Chunk(first // CHUNK, part, CHUNK, first, live))
                runner.decode(runner.denoise(encoded, live))

    return run


def rate(run: Callable[[], None], frames: int) -> dict[str, float]:
    """Frames a second by the wall, and CPU milliseconds a frame, after one unmeasured pass."""
    run()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    run()
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    return {"fps": frames / wall, "cpu_ms_per_frame": cpu / frames * 1000.0}


def compare(model: MLLMEditModel, dtype: torch.dtype, frames: np.ndarray) -> dict:
    """The engine against diffusers' pipeline on the same frames, in the same process, in turns.

    Returns:
        ``engine_over_baseline_equal``: our engine over the pipeline on the same published-layout
        weights, dtype, 1 step; ``engine_over_baseline_documented``: the demo checkpoint as it
        ships over the pipeline as documented (fp32, 4 steps); both medians of ``PAIRS`` ratios of frames a
        second, which are in ``pairs``. ``..._by_cpu_time`` is the same of CPU time a frame, which other
        load does not change. ``rows``: the median rates behind them.
    """
    twin = published_layout(model, dtype)
    few = frames[: max(4, len(frames) // 4)]
    equal = pipeline(twin, dtype)
    documented = pipeline(published_layout(model, torch.float32), torch.float32)
    demo, same = engine_pass(model, frames, 1), engine_pass(twin, frames, 1)
    rounds = [
        {
            "engine_demo": rate(demo, len(frames)),
            "baseline_documented": rate(lambda: edit_frames(documented, few, PROMPT, 4), len(few)),
            "engine_equal": rate(same, len(frames)),
            "baseline_equal": rate(lambda: edit_frames(equal, few, PROMPT, 1), len(few)),
        }
        for _ in range(PAIRS)
    ]
    found, pairs = {}, {}
    for kind, ours in (("equal", "engine_equal"), ("documented", "engine_demo")):
        theirs, name = f"baseline_{kind}", f"engine_over_baseline_{kind}"
        pairs[kind] = [turn[ours]["fps"] / turn[theirs]["fps"] for turn in rounds]
        found[name] = median(pairs[kind])
        spent = "cpu_ms_per_frame"
        found[f"{name}_by_cpu_time"] = median(turn[theirs][spent] / turn[ours][spent] for turn in rounds)
    return {
        **found,
        "pairs": pairs,
        "rows": {
            row: {key: median(turn[row][key] for turn in rounds) for key in rates}
            for row, rates in rounds[0].items()
        },
    }


def file_to_file(model: MLLMEditModel, clip: Path, side: int) -> dict:
    """A whole session without ComfyUI: decode, restyle, encode; the session's own telemetry."""
    with tempfile.TemporaryDirectory() as folder:
        handle = ModelHandle("in memory")
        read = PlanNode(Read(SourceSpec("file", str(clip))), (), "1")
        settings = DenoiseSettings(chunk=CHUNK, width=side, height=side)
        restyle = PlanNode(Stylise(handle, ConditioningRecipe(PROMPT, node_id="3"), settings), (read,), "4")
        plan = PlanNode(Write(SinkSpec(os.path.join(folder, "out.mp4")), preview=False), (restyle,), "5")
        session = StreamSession(plan, lambda _: model)
        cpu = _cpu_seconds()
        session.start()
        session.join()
        if session.error:
            raise session.error
        telemetry = session.telemetry.snapshot()
        cpu = _cpu_seconds() - cpu
    return {
        "fps": telemetry["fps"],
        "lane_overlap": telemetry["lane_overlap"],
        "cpu_ms_per_frame": cpu / telemetry["frames"] * 1000.0,
        "telemetry": telemetry,
    }


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

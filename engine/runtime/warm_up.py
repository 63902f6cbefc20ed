"""A first chunk that nobody sees, so that the one that somebody sees comes as soon as all others."""

from __future__ import annotations

import torch

from ..families.base import Runner
from ..families.remembered import copied_state
from ..media.types import Frames
from .control import Control
from .lanes import Lanes, own_lanes
from .parameters import ParameterStore
from .stage_pipeline import StagePipeline
from .telemetry import Telemetry


def warm_up(runner: Runner, lanes: Lanes | None, devices: tuple[torch.device, ...], frames: Frames) -> None:
    """Have a runner make a first chunk that nobody sees, and forget it; raises what it fails with."""
    before, control = copied_state(runner), Control()
    working = lanes or own_lanes(*devices)
    try:
        working.follow_caller()
        store = ParameterStore(runner.live_parameters, lambda receipt: None)
        pipeline = StagePipeline(runner, working, store, Telemetry(), control)
        pipeline.feed(frames[: runner.requirements.first])
        while pipeline.working:
            control.wait()
    finally:
        if lanes is None:
            working.close()
    if control.failure is not None:
        raise control.failure
    if before is None:
        runner.reset()
    else:
        runner.state = before

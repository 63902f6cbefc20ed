"""How much arithmetic a frame is, and how much a device does at best."""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ..families.base import Runner
from .stages import chunk_of, live_values, seconds

MATMUL_SIDE = {"cuda": 8192, "cpu": 1024}


def matmul_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP a second of one large matrix product, the median of several."""
    side = MATMUL_SIDE[device.type]
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2.0 * side**3 / seconds(lambda: left @ right, device, repeats=9)


def flops_per_frame(runner: Runner, frames: np.ndarray) -> float:
    """FLOP that one frame costs with everything encoded anew (2 for a multiply and add).

    Args:
        runner: fresh and not compiled, so that every operation is seen.
        frames: one chunk, uint8 (B, H, W, 3).
    """
    live = live_values(runner)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        runner.finish(runner.step(runner.prepare(chunk_of(frames, 0, len(frames), live)), live))
    runner.reset()
    return counter.get_total_flops() / len(frames)

"""How much arithmetic a frame is, and how much a device does at best."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ...engine.families.base import Runner
from ..mllm_edit.benchmark.stages import chunk_of, live_values, seconds

MATMUL_SIDE = {"cuda": 8192, "cpu": 1024}
PEAK_TFLOPS = {"H200": 989.0, "H100 PCIe": 756.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "4090": 165.0}
"""Dense bf16, by a part of the device's name."""


def matmul_flops(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP a second of one large matrix product, the median of several."""
    side = MATMUL_SIDE[device.type]
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    return 2.0 * side**3 / seconds(lambda: left @ right, device, repeats=9)


def peak_flops(device: torch.device) -> float | None:
    """Dense bf16 FLOP a second that the maker names for a CUDA device; None for one that isn't listed."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((tflops * 1e12 for part, tflops in PEAK_TFLOPS.items() if part in name), None)


def count_flops(work: Callable[[], object]) -> int:
    """FLOP of a call that isn't compiled; attention as plain products, because fused ones go uncounted."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def flops_per_frame(runner: Runner, frames: np.ndarray) -> float:
    """FLOP that one frame costs with everything encoded anew (2 for a multiply and add).

    Args:
        runner: fresh and not compiled, so that every operation is seen.
        frames: one chunk, uint8 (B, H, W, 3).
    """
    live = live_values(runner)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        runner.decode(runner.denoise(runner.encode(chunk_of(frames, 0, len(frames), live)), live))
    runner.reset()
    return counter.get_total_flops() / len(frames)

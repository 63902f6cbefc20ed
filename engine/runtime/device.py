"""How a device is best used: number format, lanes, threads."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch

WEIGHT_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32, "fp8": torch.bfloat16}
"""The number format behind a choice of an artist's; for fp8, of what stays unquantised."""

PROBE_SIDE = 768
"""Side of the square matrices that are multiplied to choose a number format."""


@dataclass(frozen=True)
class DevicePlan:
    """Decisions about one device, made once per process.

    Attributes:
        device: the device.
        dtype: the format in which convolutions and products are fastest and still good.
        lanes: ``"single"`` (one compute worker for all stages) or ``"triple"`` (one a stage).
        prefetch: chunks that may be encoded ahead of the one being denoised.
        threads: threads that one torch operation uses on a CPU.
    """

    device: torch.device
    dtype: torch.dtype
    lanes: Literal["single", "triple"]
    prefetch: int = 1
    threads: int = 1


@cache
def plan_device(device: torch.device) -> DevicePlan:
    """The plan for a device; on a CPU this measures for a few hundredths of a second."""
    if device.type == "cuda":
        return DevicePlan(device, torch.bfloat16 if _has_bf16(device) else torch.float32, lanes="triple")
    if device.type == "cpu":
        return DevicePlan(device, _faster_dtype(), lanes="single", threads=_threads())
    return DevicePlan(device, torch.float32, lanes="single")


def _has_bf16(device: torch.device) -> bool:
    """Whether a CUDA device computes in bf16 itself: Ampere and later. Turing only emulates it, slowly."""
    return torch.cuda.get_device_capability(device) >= (8, 0)


def _faster_dtype() -> torch.dtype:
    """bf16 where the CPU multiplies it faster (AMX: about seven times), else fp32."""
    full, half = _product_seconds(torch.float32), _product_seconds(torch.bfloat16)
    return torch.bfloat16 if half < 0.8 * full else torch.float32


def _product_seconds(dtype: torch.dtype) -> float:
    """The best of four; the first one pays for the library's setup."""
    left, right = (torch.full((PROBE_SIDE, PROBE_SIDE), 0.5, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(4):
        started = time.perf_counter()
        torch.mm(left, right)
        times.append(time.perf_counter() - started)
    return min(times)


def _threads() -> int:
    """What torch would use, but no more than the cores this process may run on."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(torch.get_num_threads(), allowed))

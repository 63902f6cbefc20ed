"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from ...engine.runtime.device import DevicePlan


def hardware_line(plan: DevicePlan) -> str:
    """The GPU, or the processor and how many cores there are; and torch's version."""
    if plan.device.type == "cuda":
        return f"{torch.cuda.get_device_name(plan.device)}, torch {torch.__version__}"
    model, info = platform.processor(), Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line), model)
    return f"{model}, {os.cpu_count()} cores, torch {torch.__version__}"

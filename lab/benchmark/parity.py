"""How far a demo checkpoint's pictures on a device are from those that the CPU makes in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...engine.conditioning.recipe import ConditioningRecipe
from ...engine.families import WEIGHTS, StreamRequest, load_model, make_runner
from ...engine.families.base import DenoiseSettings, ModelHandle
from .inline import play

SIDE, CHUNKS = 64, 4
CPU = torch.device("cpu")


def pictures(checkpoint: str, device: torch.device, dtype: torch.dtype) -> np.ndarray:
    """A short restyled clip, uint8 (N, H, W, 3): the same noise and source wherever it is made."""
    model = load_model(ModelHandle(str(WEIGHTS / checkpoint)), device, dtype)
    noise = "shared" if checkpoint == "mllm-edit" else "fresh"
    request = StreamRequest(
        DenoiseSettings(noise=noise),
        ConditioningRecipe("oil painting", node_id="text"),
        node_id="denoise",
        model_node_id="model",
        width=SIDE,
        height=SIDE,
    )
    with torch.no_grad():
        runner = make_runner(model, request)
    needs = runner.requirements
    ramp = np.linspace(0, 255, SIDE, dtype=np.uint8)
    first = np.broadcast_to(ramp[None, :, None], (SIDE, SIDE, 3))
    clip = [np.roll(first, 2 * frame, 1) for frame in range(needs.first + (CHUNKS - 1) * needs.chunk_frames)]
    return np.concatenate(list(play(runner, np.stack(clip))))


def compare(checkpoint: str, device: torch.device) -> dict[str, Any]:
    """Largest and mean difference in steps of 255, on the device in float32 and in bfloat16."""
    expected = pictures(checkpoint, CPU, torch.float32).astype(np.int16)
    row: dict[str, Any] = {"checkpoint": checkpoint, "device": str(device), "frames": len(expected)}
    for dtype in (torch.float32, torch.bfloat16):
        error = np.abs(pictures(checkpoint, device, dtype).astype(np.int16) - expected)
        name = str(dtype).removeprefix("torch.")
        row |= {f"max_error_{name}": int(error.max()), f"mean_error_{name}": float(error.mean())}
    return row

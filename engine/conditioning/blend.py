"""Going from one conditioning to another over some frames."""

from __future__ import annotations

from typing import Literal

import torch

Interpolation = Literal["lerp", "slerp"]
INTERPOLATIONS: tuple[Interpolation, ...] = ("lerp", "slerp")


def blend_weight(frame: int, frames: int) -> float:
    """Share of the new style at a frame, the first one after the switch being 0; 1 from ``frames`` on."""
    return min(1.0, max(0.0, (frame + 1) / (frames + 1)))


def interpolate(
    old: torch.Tensor, new: torch.Tensor, weight: torch.Tensor | float, kind: Interpolation = "lerp"
) -> torch.Tensor:
    """Between two tensors of vectors (.., D), by a weight that broadcasts to (.., 1).

    ``"slerp"`` turns each vector along the arc and moves its length along a line, so that no vector
    shrinks on the way; where one of the two is zero (padding) or both point the same way it is a lerp.
    """
    weight = torch.as_tensor(weight, device=old.device, dtype=torch.float32)
    a, b = old.float(), new.float()
    mixed = torch.lerp(*torch.broadcast_tensors(a, b, weight))
    if kind == "slerp":
        length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
        unit_a, unit_b = a / length_a.clamp(min=1e-12), b / length_b.clamp(min=1e-12)
        angle = (unit_a * unit_b).sum(-1, keepdim=True).clamp(-1, 1).acos()
        sine = angle.sin()
        turned = (((1 - weight) * angle).sin() * unit_a + (weight * angle).sin() * unit_b) / sine.clamp(
            min=1e-6
        )
        arc = (length_a > 1e-6) & (length_b > 1e-6) & (sine > 1e-4)
        mixed = torch.where(
            arc, turned * torch.lerp(*torch.broadcast_tensors(length_a, length_b, weight)), mixed
        )
    return mixed.to(old.dtype)

"""Flow matching: schedules of few steps, and the formulas that every sampler here is made of.

Rectified flow (arXiv 2209.03003) with the shifted schedules of Stable Diffusion 3 (arXiv 2403.03206,
section 5.3.2).

Convention: ``x_t = (1 - sigma) * x0 + sigma * noise``, ``velocity = noise - x0``; sigma runs
from 1 (noise) to 0 (picture); the network sees ``sigma * 1000`` as its timestep.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

Prediction = Literal["velocity", "epsilon"]
"""What a network's output means: noise - picture, or the noise."""


@dataclass(frozen=True)
class FlowMatchSchedule:
    """The sigmas of a few-step sampler.

    Attributes:
        sigmas: from 1 downwards, ``steps + 1`` values, the last one 0.
    """

    sigmas: tuple[float, ...]

    @property
    def steps(self) -> int:
        return len(self.sigmas) - 1

    @classmethod
    def from_config(cls, config: Mapping[str, Any], steps: int, tokens: int) -> FlowMatchSchedule:
        """The table that diffusers' ``FlowMatchEulerDiscreteScheduler`` of this config gives.

        Args:
            config: the scheduler's config.
            steps: denoising steps, at least 1.
            tokens: length of the picture's token sequence, which decides a dynamic shift.
        """
        sigmas = [1.0 - step * (1.0 - 1.0 / steps) / max(1, steps - 1) for step in range(steps)]
        if config.get("use_dynamic_shifting", False):
            sigmas = [warp(sigma, math.exp(dynamic_shift(config, tokens))) for sigma in sigmas]
        else:
            sigmas = [warp(sigma, config.get("shift", 1.0)) for sigma in sigmas]
        return cls((*sigmas, 0.0))


def warp(sigma: float, shift: float) -> float:
    """Move a sigma towards 1 (shift > 1): ``shift * s / (1 + (shift - 1) * s)``."""
    return shift * sigma / (1.0 + (shift - 1.0) * sigma)


def dynamic_shift(config: Mapping[str, Any], tokens: int) -> float:
    """The straight line through (base_image_seq_len, base_shift) and (max_image_seq_len, max_shift)."""
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    base, top = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    return base + (tokens - low) * (top - base) / (high - low)


def x0_from_velocity(x: torch.Tensor, velocity: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    """The picture that a velocity points at."""
    return x - sigma * velocity


def velocity_from_x0(x: torch.Tensor, x0: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    """The velocity that points at a picture; sigma > 0."""
    return (x - x0) / sigma


def velocity_from_noise(x: torch.Tensor, noise: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The velocity of a predicted noise; where x says nothing of the picture, sigma counts as 0.98."""
    return (noise - x) / (1.0 - sigma).clamp(min=0.02)


def to_velocity(
    x: torch.Tensor, output: torch.Tensor, sigma: torch.Tensor, prediction: Prediction
) -> torch.Tensor:
    """What a network predicts as a velocity; sigma broadcasts to x."""
    return output if prediction == "velocity" else velocity_from_noise(x, output, sigma)


def euler(x: torch.Tensor, velocity: torch.Tensor, sigma: float, following: float) -> torch.Tensor:
    """One Euler step from ``sigma`` to ``following``."""
    return x + (following - sigma) * velocity


def renoise(x0: torch.Tensor, noise: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    """Put a picture back to noise level ``sigma``."""
    return (1.0 - sigma) * x0 + sigma * noise

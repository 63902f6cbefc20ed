"""The schedule against diffusers' own, and the formulas against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.dreamlite.pipeline_dreamlite_mobile import calculate_shift
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.sampling.flow_match import (
    FlowMatchSchedule,
    euler,
    renoise,
    velocity_from_x0,
    x0_from_velocity,
)
from livestyle.lab.training.package import SCHEDULER


@pytest.mark.parametrize("steps", [1, 2, 4, 7])
@pytest.mark.parametrize("tokens", [64, 256, 1024, 4096])
def test_dynamic_table_equals_diffusers(steps: int, tokens: int) -> None:
    oracle = FlowMatchEulerDiscreteScheduler(**SCHEDULER)
    shift = calculate_shift(tokens, 256, 4096, 0.5, 1.15)
    oracle.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=shift)
    ours = FlowMatchSchedule.from_config(SCHEDULER, steps, tokens)
    assert ours.steps == steps
    assert np.allclose(ours.sigmas, oracle.sigmas.numpy(), atol=1e-6)
    assert np.allclose(np.array(ours.sigmas[:-1]) * 1000, oracle.timesteps.numpy(), atol=1e-3)


def test_published_sigmas_at_512() -> None:
    table = FlowMatchSchedule.from_config(SCHEDULER, 4, 1024).sigmas
    assert np.allclose(table, (1.0, 0.84923, 0.65249, 0.38494, 0.0), atol=1e-5)


def test_static_shift_equals_diffusers() -> None:
    config = {"shift": 3.0, "use_dynamic_shifting": False}
    oracle = FlowMatchEulerDiscreteScheduler(**config)
    oracle.set_timesteps(sigmas=np.linspace(1.0, 0.25, 4))
    assert np.allclose(FlowMatchSchedule.from_config(config, 4, 0).sigmas, oracle.sigmas.numpy(), atol=1e-6)


@given(sigma=st.floats(0.05, 1.0), seed=st.integers(0, 1000))
def test_formulas_invert_each_other(sigma: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x0, noise = torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64)
    x = renoise(x0, noise, sigma)
    velocity = velocity_from_x0(x, x0, sigma)
    assert torch.allclose(velocity, noise - x0)
    assert torch.allclose(x0_from_velocity(x, velocity, sigma), x0)
    assert torch.allclose(euler(x, velocity, sigma, 0.0), x0)
    assert torch.allclose(euler(x, velocity, sigma, sigma / 2), renoise(x0, noise, sigma / 2))

"""UniPC against its formulas written out, and LongLive 2's table of noise levels."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_causal_wan import noise, style, tiny_cache, tiny_net

from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.rollout import BlockRollout
from livestyle.engine.sampling.unipc import UniPC, unipc_schedule


def plain(x: torch.Tensor, sigmas: tuple[float, ...]) -> torch.Tensor:
    """arXiv 2302.04867, algorithm 5 to 8 for order 2 in x0 with B2, float64; orders 1, 2, 2, .., 1."""
    last = len(sigmas) - 2
    lam = [math.log((1 - s) / s) if s else math.inf for s in sigmas]
    found: list[torch.Tensor] = []
    before, order = x, 0
    for i in range(last + 1):
        m = picture(x, sigmas[i])
        if i:
            x = corrected(before, found, m, sigmas, lam, i, order)
        found.append(m)
        before, order = x, 1 if i in (0, last) else 2
        if i == last:
            return m
        h = lam[i + 1] - lam[i]
        decay = math.exp(-h) - 1.0
        x = sigmas[i + 1] / sigmas[i] * before - (1 - sigmas[i + 1]) * decay * m
        if order == 2:
            difference = (found[-2] - m) / ((lam[i - 1] - lam[i]) / h)
            x = x - (1 - sigmas[i + 1]) * decay * 0.5 * difference
    raise AssertionError


def corrected(
    before: torch.Tensor,
    found: list[torch.Tensor],
    now: torch.Tensor,
    sigmas: tuple[float, ...],
    lam: list[float],
    i: int,
    order: int,
) -> torch.Tensor:
    """The latents at level i once more, with what was found there."""
    h = lam[i] - lam[i - 1]
    decay = math.exp(-h) - 1.0
    x = sigmas[i] / sigmas[i - 1] * before - (1 - sigmas[i]) * decay * found[-1]
    if order == 1:
        return x - (1 - sigmas[i]) * decay * 0.5 * (now - found[-1])
    r = (lam[i - 2] - lam[i - 1]) / h
    one = decay / -h - 1.0
    b1, b2 = one / decay, 2.0 * (one / -h - 0.5) / decay
    a = (b1 - b2) / (1.0 - r)  # a + b = b1, r a + b = b2
    b = b1 - a
    return x - (1 - sigmas[i]) * decay * (a * (found[-2] - found[-1]) / r + b * (now - found[-1]))


def picture(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Stands for a network: clean latents that depend on both."""
    return torch.tanh(0.7 * x) * (1.2 - sigma) + 0.3 * torch.sin(3 * x + sigma)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7])
def test_it_steps_as_the_formulas_do(steps: int) -> None:
    sigmas = unipc_schedule(steps, 5.0).sigmas
    start = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    solver, x = UniPC(sigmas), start
    for sigma in sigmas[:-1]:
        x0 = picture(x, sigma)
        x = solver.step(x, x0)
    torch.testing.assert_close(x, plain(start, sigmas), atol=2e-6, rtol=2e-6)


def test_the_published_levels_and_what_the_network_is_told() -> None:
    """The reference's table; diffusers' own would begin with .999999 .937578 .833611 .625936."""
    four, two = unipc_schedule(4, 5.0).sigmas, unipc_schedule(2, 5.0).sigmas
    assert four == pytest.approx((0.999800, 0.937265, 0.833055, 0.624687, 0.0), abs=6e-7)
    assert two == pytest.approx((0.999800, 0.833055, 0.0), abs=6e-7)
    net, told = tiny_net(), []
    forward = net.forward

    def recorded(x: torch.Tensor, times: torch.Tensor, *rest: object, **more: object) -> torch.Tensor:
        told.append(times.tolist())
        return forward(x, times, *rest, **more)

    net.forward = recorded
    rollout = BlockRollout(net, tiny_cache(net), RolloutSettings(unipc_schedule(4, 5.0), sampler="unipc"))
    rollout.switch(style(1))
    with torch.no_grad():
        made = [rollout.step(noise(block), pytest.fail) for block in range(2)]
    clean = [[0.0, 0.0]]
    steps = [[[each] * 2] for each in (999.0, 937.0, 833.0, 624.0)]
    assert told == [*steps, clean, *steps]
    assert all(torch.isfinite(each).all() for each in made)


def test_a_held_frame_is_told_to_be_clean_and_stays() -> None:
    net, image = tiny_net(), noise(77, 1)
    rollout = BlockRollout(net, tiny_cache(net), RolloutSettings(unipc_schedule(4, 5.0), sampler="unipc"))
    rollout.switch(style(1))
    with torch.no_grad():
        made = rollout.step(noise(1), pytest.fail, held=image)
        rollout.reset()
        free = rollout.step(noise(1), pytest.fail)
    assert torch.equal(made[:, :1], image)
    assert (made[:, 1:] - free[:, 1:]).abs().max() > 1e-3

"""A causal stream computed slowly: no cache, the whole past in every evaluation, one loop from the facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from livestyle.engine.networks.causal_wan import CausalWan

Next = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
"""Latents of the next level from (x, x0, step)."""


def evaluate(
    net: CausalWan,
    past: Sequence[torch.Tensor],
    x: torch.Tensor,
    times: Sequence[float],
    text: torch.Tensor,
    sources: Sequence[torch.Tensor],
    positions: Sequence[int] = (),
) -> torch.Tensor:
    """Velocity of a block after clean blocks; each sees itself and those before.

    Args:
        past, x: latents (1, F, C, h, w).
        times: timestep of each of x's frames.
        sources: of the past and of x, stacked on the channels; none without.
        positions: of all frames; none to count them from 0.
    """
    blocks = [*past, x]
    sizes = [block.shape[1] for block in blocks]
    whole = torch.cat(blocks, dim=1)
    if sources:
        whole = torch.cat([whole, torch.cat(list(sources), dim=1)], dim=2)
    height, width = x.shape[-2:]
    number = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes) * (height * width // 4))
    mask = number[:, None] >= number[None]
    when = torch.tensor([[0.0] * sum(sizes[:-1]) + list(times)])
    rotation = net.rotation(positions or range(sum(sizes)), height, width)
    made = net(whole, when, net.cross_attention_kv(text), rotation, mask=mask[None, None])
    return made[:, -sizes[-1] :]


def stream(
    net: CausalWan,
    text: torch.Tensor,
    starts: Sequence[torch.Tensor],
    levels: Callable[[int], Sequence[float]],
    fresh: Callable[[int, int], torch.Tensor],
    held: torch.Tensor | None = None,
    sources: Sequence[torch.Tensor] = (),
) -> list[torch.Tensor]:
    """Blocks of x0 by re-noising.

    Args:
        starts: noise of each block.
        levels: sigmas of a block, without the last 0.
        fresh: noise for (block, step).
        held: clean first frames of the first block, told to be at time 0.
    """
    past: list[torch.Tensor] = []
    for number, x in enumerate(starts):
        sigmas = levels(number)
        count = held.shape[1] if held is not None and not number else 0
        for step, sigma in enumerate(sigmas):
            if count:
                x = torch.cat([held, x[:, count:]], dim=1)
            times = [0.0] * count + [1000.0 * sigma] * (x.shape[1] - count)
            velocity = evaluate(net, past, x, times, text, sources[: number + 1])
            x0 = x - sigma * velocity
            if count:
                x0 = torch.cat([held, x0[:, count:]], dim=1)
            if step + 1 < len(sigmas):
                x = (1 - sigmas[step + 1]) * x0 + sigmas[step + 1] * fresh(number, step)
        past.append(x0)
    return past

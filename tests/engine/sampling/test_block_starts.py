"""How streams begin: more steps for the first block, a picture as its first latents; against a plain loop."""

from __future__ import annotations

import pytest
import torch
from plain_rollout import stream
from tiny_causal_wan import noise, style, tiny_cache, tiny_net

from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.few_step import few_step_schedule
from livestyle.engine.sampling.rollout import BlockRollout

FEW, MANY = few_step_schedule((1000, 500)), few_step_schedule((1000, 750, 500, 250))
BLOCKS = 4


def fresh(block: int, step: int, frames: int = 2) -> torch.Tensor:
    return noise(500 + 10 * block + step, frames)


def rollout(block: int, *, first: bool = True, channels: int = 1) -> BlockRollout:
    net = tiny_net(in_channels=4 * channels)
    settings = RolloutSettings(FEW, first=MANY if first else None)
    made = BlockRollout(net, tiny_cache(net, window=12, block=block, rope="absolute"), settings)
    made.switch(style(1))
    return made


@torch.no_grad()
@pytest.mark.parametrize("image", [0, 1, 2])
def test_a_stream_begins_as_the_plain_loop_does(image: int) -> None:
    """No picture, one inside the first block, and one that fills it, after which the list of the first
    generated block is due."""
    made, held = rollout(2), noise(77, image) if image else None
    ours = []
    for block in range(BLOCKS):
        kept = held if not block else None
        ours.append(made.step(noise(block), lambda step, b=block: fresh(b, step), held=kept))
    generated_first = 1 if image == 2 else 0

    def levels(block: int) -> tuple[float, ...]:
        return (MANY if block <= generated_first else FEW).sigmas[:-1]

    plain = stream(made.net, style(1).text, [noise(b) for b in range(BLOCKS)], levels, fresh, held)
    assert torch.allclose(torch.cat(ours, 1), torch.cat(plain, 1), atol=1e-4)
    if held is not None:
        assert torch.equal(ours[0][:, :image], held)


@torch.no_grad()
def test_a_source_on_the_channels_goes_into_clean_passes_too() -> None:
    """LiveEdit's layout: noisy latents first, the source's second, in every pass."""
    made, sources = rollout(2, first=False, channels=2), [noise(40 + b) for b in range(BLOCKS)]
    ours = [made.step(noise(b), lambda step, b=b: fresh(b, step), sources[b]) for b in range(BLOCKS)]
    plain = stream(
        made.net,
        style(1).text,
        [noise(b) for b in range(BLOCKS)],
        lambda block: FEW.sigmas[:-1],
        fresh,
        sources=sources,
    )
    assert torch.allclose(torch.cat(ours, 1), torch.cat(plain, 1), atol=1e-4)


@torch.no_grad()
def test_a_new_clip_begins_with_the_first_list_again() -> None:
    made = rollout(2)
    counts = []
    for _ in range(2):
        for block in range(2):
            counts.append(made.schedule.steps)
            made.step(noise(block), lambda step, b=block: fresh(b, step))
        made.reset()
    assert counts == [4, 2, 4, 2]

"""LongLive 2's shots (arXiv 2605.18739): a second sink and a jump in time, against a plain loop."""

from __future__ import annotations

import pytest
import torch
from plain_rollout import evaluate
from tiny_causal_wan import noise, style, tiny_cache, tiny_net

from livestyle.engine.cache.switch import POLICIES, SwitchPolicy
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.few_step import few_step_schedule
from livestyle.engine.sampling.rollout import BlockRollout

STEPS = few_step_schedule((1000, 500))
SINK, WINDOW, BLOCK, JUMP, BLOCKS = 2, 8, 2, 8, 9


def fresh(block: int, step: int) -> torch.Tensor:
    return noise(500 + 10 * block + step)


@torch.no_grad()
@pytest.mark.parametrize(
    ("policy", "cuts"),
    [
        *((name, (2, 5)) for name in POLICIES if name != "rebuild_each_block"),
        *(("refresh_last", cuts) for cuts in ((), (1, 2, 6), (7,))),
    ],
)
def test_a_stream_of_shots_is_what_the_plain_loop_gives(policy: str, cuts: tuple[int, ...]) -> None:
    """One layer, so that a frame's keys depend on nothing but the frame: the plain loop evaluates the visible
    frames anew, each at its own time. A cut does the same under every policy."""
    net = tiny_net(layers=1)
    made = BlockRollout(
        net,
        tiny_cache(net, window=WINDOW, sink=SINK, rope="absolute"),
        RolloutSettings(STEPS),
        SwitchPolicy(policy),  # type: ignore[arg-type]
    )
    made.switch(style(0))
    ours = []
    for number in range(BLOCKS):
        if number in cuts:
            assert made.switch(style(number), JUMP)
        ours.append(made.step(noise(number), lambda step, b=number: fresh(b, step)))

    sink: list[tuple[torch.Tensor, int]] = []
    rolling: list[tuple[torch.Tensor, int]] = []
    pinned: tuple[torch.Tensor, int] | None = None
    time, text, plain = 0, style(0).text, []
    for number in range(BLOCKS):
        if number in cuts:
            time, text = time + JUMP, style(number).text
        seen, x = [*sink, *rolling], noise(number)
        positions = [at + frame for _, at in [*seen, (x, time)] for frame in range(BLOCK)]
        for step, sigma in enumerate(STEPS.sigmas[:-1]):
            past = [block for block, _ in seen]
            x0 = x - sigma * evaluate(net, past, x, [1000.0 * sigma] * BLOCK, text, [], positions)
            if step == 0:
                x = (1 - STEPS.sigmas[1]) * x0 + STEPS.sigmas[1] * fresh(number, 0)
        plain.append(x0)
        if not sink:
            sink.append((x0, time))
        else:
            if len(rolling) * BLOCK == WINDOW - SINK - BLOCK:
                rolling.pop(next(at for at, block in enumerate(rolling) if block is not pinned))
            rolling.append((x0, time))
            pinned = rolling[-1] if number in cuts else pinned
        time += BLOCK
    assert torch.allclose(torch.cat(ours, 1), torch.cat(plain, 1), atol=1e-4)

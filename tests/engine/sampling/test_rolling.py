"""Rolling Forcing's window of blocks against a plain loop over the whole past, from the facts."""

from __future__ import annotations

import pytest
import torch
from plain_rollout import evaluate
from tiny_causal_wan import CHANNELS, SIDE, style, tiny_cache, tiny_net

from livestyle.engine.cache.switch import SwitchPolicy
from livestyle.engine.errors import SettingError
from livestyle.engine.networks.causal_wan import CausalWan
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.few_step import few_step_schedule
from livestyle.engine.sampling.noise import keyed_noise
from livestyle.engine.sampling.partition import Partition
from livestyle.engine.sampling.rolling import RollingRollout

LEVELS, BLOCK, SHIFT = 3, 2, 5.0
SHAPE = (CHANNELS, SIDE, SIDE)
STEPS = (1000, 2000 / 3, 1000 / 3)


def rolling(policy: SwitchPolicy | None = None, window: int = 12) -> RollingRollout:
    net = tiny_net()
    cache = tiny_cache(net, block=LEVELS * BLOCK, window=window, sink=BLOCK, references=0)
    settings = RolloutSettings(few_step_schedule(STEPS, SHIFT))
    partition = Partition(LEVELS, BLOCK, shift=SHIFT)
    made = RollingRollout(net, cache, settings, policy or SwitchPolicy(), partition, SHAPE)
    made.switch(style(1))
    return made


def plain(net: CausalWan, total: int) -> list[torch.Tensor]:
    """Windows from the first to the last block; each is re-noised with draws of its own."""
    text, sigmas = style(1).text, few_step_schedule(STEPS, SHIFT).sigmas
    x = {b: keyed_noise(SHAPE, 0, b * BLOCK, BLOCK, 0)[None] for b in range(total)}
    done: list[torch.Tensor] = []
    for newest in range(total + LEVELS - 1):
        blocks = range(max(0, newest - LEVELS + 1), min(newest, total - 1) + 1)
        level = {b: sigmas[newest - b] for b in blocks}
        times = [1000 * level[b] for b in blocks for _ in range(BLOCK)]
        velocity = evaluate(net, done, torch.cat([x[b] for b in blocks], 1), times, text, ())
        fresh = keyed_noise(SHAPE, 0, blocks.start * BLOCK, BLOCK * len(blocks), newest + 1)[None]
        for place, b in enumerate(blocks):
            part = slice(place * BLOCK, (place + 1) * BLOCK)
            x0, then = x[b] - level[b] * velocity[:, part], sigmas[newest - b + 1]
            x[b] = (1 - then) * x0 + then * fresh[:, part]
        if newest - blocks.start == LEVELS - 1:
            done.append(x[blocks.start])
    return done


@torch.no_grad()
@pytest.mark.parametrize("total", [1, 3, 4])
def test_windows_roll_as_the_plain_loop_s_do(total: int) -> None:
    """Ramp-up, full windows, and the end, as long as nothing is forgotten."""
    made = rolling()
    ours = []
    for _ in range(total):
        made.buffer.push()
        ours.append(made.advance())
    for _ in range(LEVELS - 1):
        ours.append(made.advance())
    assert all(each is None for each in ours[: LEVELS - 1]) and made.advance() is None
    expected = torch.cat(plain(made.net, total), dim=1)
    assert torch.allclose(torch.cat(ours[LEVELS - 1 :], dim=1), expected, atol=1e-4)


def test_the_levels_are_the_published_ones() -> None:
    for steps, published in (
        ((1000, 800, 600, 400, 200), (1000, 952.4, 882.4, 769.2, 555.6)),
        ((1000, 750, 500, 250), (1000, 937.5, 833.3, 625.0)),
    ):
        partition = Partition(len(steps), 3, shift=5.0)
        levels = [1000 * partition.sigma(3 * place) for place in reversed(range(len(steps)))]
        assert levels == pytest.approx(published, abs=0.06)
        assert [1000 * s for s in few_step_schedule(steps).sigmas[:-1]] == pytest.approx(levels)


@torch.no_grad()
def test_the_first_block_and_the_last_ones_are_remembered() -> None:
    """With the window full: sink, then what rolls, then the window, each position the next."""
    made = rolling(window=10)
    for _ in range(7):
        assert made.feed() is not None
    made.settle()
    assert (made.cache.sinks, made.cache.history) == (BLOCK, 2 * BLOCK)
    assert made.cache.begin(LEVELS * BLOCK).positions == tuple(range(4, 10))
    made.reset()
    assert len(made.buffer) == 0 and made.cache.history == 0


@torch.no_grad()
def test_a_source_that_keeps_everything_comes_out_as_it_went_in() -> None:
    made, sources = rolling(), [torch.randn(BLOCK, *SHAPE) for _ in range(4)]
    found = [made.feed(source, 0.0) for source in sources] + [made.advance() for _ in range(LEVELS - 1)]
    kept = [each for each in found if each is not None]
    assert torch.allclose(torch.cat(kept, dim=1)[0], torch.cat(sources))
    made.reset()
    noisy = [made.feed(source, 0.8) for source in sources]
    assert noisy[:2] == [None, None] and not torch.allclose(noisy[2][0], sources[0], atol=0.1)


def test_policies_that_need_blocks_apart_are_refused() -> None:
    for name in ("blend", "rebuild_each_block"):
        with pytest.raises(SettingError, match=f"policy {name} does not fit"):
            rolling(SwitchPolicy(name))
    made = rolling(SwitchPolicy("recache_window"))
    with torch.no_grad():
        for _ in range(5):
            made.feed()
        made.switch(style(2))
        assert made.cache.history == 3 * BLOCK

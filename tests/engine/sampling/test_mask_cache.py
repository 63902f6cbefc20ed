"""LiveEdit's mask cache against a slow computation of the same, and what it saves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from plain_rollout import evaluate
from tiny_causal_wan import TOKENS, noise, style, tiny_cache, tiny_net
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from livestyle.engine.cache.kv_cache import SegmentedKVCache
from livestyle.engine.networks.causal_wan import CausalWan
from livestyle.engine.networks.causal_wan.attention import SelfAttention, attend
from livestyle.engine.networks.rope import rotate
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.few_step import few_step_schedule
from livestyle.engine.sampling.mask_cache import MaskCache
from livestyle.engine.sampling.rollout import BlockRollout

STEPS = few_step_schedule((1000, 750, 500, 250))
BLOCKS, FRAMES = 3, 2


def fresh(block: int, step: int) -> torch.Tensor:
    return noise(500 + 10 * block + step)


def rollout(share: float | None, net: CausalWan | None = None, **options: str) -> BlockRollout:
    net = net or tiny_net(in_channels=8)
    cache: SegmentedKVCache = tiny_cache(net, window=12, **{"rope": "absolute", **options})  # type: ignore[arg-type]
    made = BlockRollout(net, cache, RolloutSettings(STEPS))
    if share is not None:
        made.masks = MaskCache(net, share, FRAMES * TOKENS)
    made.switch(style(1))
    return made


def play(made: BlockRollout, blocks: range = range(BLOCKS)) -> list[torch.Tensor]:
    return [made.step(noise(b), lambda step, b=b: fresh(b, step), noise(40 + b)) for b in blocks]


def changed_most(x0: torch.Tensor, source: torch.Tensor, share: float) -> list[int]:
    """Tokens of a block, found one by one."""
    chosen: list[int] = []
    for frame in range(x0.shape[1]):
        apart = {}
        for token in range(TOKENS):
            row, column = divmod(token, 2)
            patch = (0, frame, slice(None), slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
            apart[frame * TOKENS + token] = float(((x0[patch] - source[patch]) ** 2).sum())
        chosen += sorted(apart, key=lambda token: -apart[token])[: max(1, round(share * TOKENS))]
    return chosen


@contextmanager
def stale(
    net: CausalWan, chosen: list[int] | None, memory: dict[SelfAttention, list[torch.Tensor]]
) -> Iterator[None]:
    """Every layer computes all, and then takes back the first step's for the block's tokens not chosen."""

    def slow(layer: SelfAttention) -> Callable[..., torch.Tensor]:
        def forward(x, queries, keys, view, mask, uncached=0, reuse=None) -> torch.Tensor:  # type: ignore[no-untyped-def]
            q = rotate(layer.split(layer.norm_q(layer.q(x))), queries)
            parts = [rotate(layer.split(layer.norm_k(layer.k(x))), queries), layer.split(layer.v(x))]
            own = slice(x.shape[1] - FRAMES * TOKENS, None)
            if chosen is not None:
                for part, old in zip(parts, memory[layer], strict=False):
                    new = part[:, own].clone()
                    part[:, own] = old
                    part[:, own][:, chosen] = new[:, chosen]
            made = layer.o(attend(q, *parts, mask))
            if chosen is not None:
                new = made[:, own].clone()
                made[:, own] = memory[layer][2]
                made[:, own][:, chosen] = new[:, chosen]
            else:
                memory[layer] = [part[:, own].clone() for part in (*parts, made)]
            return made

        return forward

    for block in net.blocks:
        block.self_attn.forward = slow(block.self_attn)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for block in net.blocks:
            del block.self_attn.forward


@torch.no_grad()
@pytest.mark.parametrize("share", [0.3, 0.5, 0.75])
def test_it_is_what_the_slow_computation_gives(share: float) -> None:
    made = rollout(share)
    ours, net = play(made), made.net
    past: list[torch.Tensor] = []
    for number in range(BLOCKS):
        x, sources = noise(number), [noise(40 + b) for b in range(number + 1)]
        chosen = changed_most(past[-1], sources[-2], share) if past else None
        memory: dict[SelfAttention, list[torch.Tensor]] = {}
        for step, sigma in enumerate(STEPS.sigmas[:-1]):
            last = step == STEPS.steps - 1
            with stale(net, chosen if step and not last else None, memory):
                velocity = evaluate(net, past, x, [1000.0 * sigma] * FRAMES, style(1).text, sources)
            x0 = x - sigma * velocity
            if not last:
                x = (1 - STEPS.sigmas[step + 1]) * x0 + STEPS.sigmas[step + 1] * fresh(number, step)
        past.append(x0)
    assert torch.allclose(torch.cat(ours, 1), torch.cat(past, 1), atol=1e-4)
    whole = play(rollout(None))
    assert torch.equal(ours[0], whole[0]) and not torch.allclose(ours[1], whole[1], atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("options", [{}, {"rope": "relative"}, {"precision": "fp8"}])
def test_the_whole_picture_chosen_is_no_mask_at_all(options: dict[str, str]) -> None:
    plain, masked = (torch.cat(play(rollout(share, **options)), 1) for share in (None, 1.0))
    assert torch.allclose(plain, masked, atol=1e-5)


@torch.no_grad()
def test_another_style_and_another_clip_begin_with_the_whole_picture() -> None:
    made, other = rollout(0.3), rollout(None)
    for each in (made, other):
        play(each, range(1))
        each.switch(style(2))
    assert torch.equal(play(made, range(1, 2))[0], play(other, range(1, 2))[0])
    made.reset()
    other.reset()
    assert torch.equal(play(made, range(1))[0], play(other, range(1))[0])


@torch.no_grad()
def test_the_middle_steps_attend_with_the_chosen_share_only() -> None:
    """Products of self-attention's four projections and of its scores, in each of four steps."""

    def spent(share: float | None) -> int:
        made = rollout(share)
        play(made, range(1))
        made.settle()
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            play(made, range(1, 2))
        return counter.get_total_flops()

    net = rollout(None).net
    tokens, keys, dim = FRAMES * TOKENS, 2 * FRAMES * TOKENS, net.config.dim
    step = net.config.layers * (4 * 2 * tokens * dim * dim + 2 * 2 * tokens * keys * dim)
    assert spent(None) - spent(0.5) == 2 * step * 0.5

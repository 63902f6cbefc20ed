"""A source as tokens of its own: seen by its block, kept by nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tiny_causal_wan import STEPS, TOKENS, noise, style, tiny_cache, tiny_net

from livestyle.engine.cache.switch import SwitchPolicy
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.rollout import BlockRollout


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def rollout(policy: SwitchPolicy | None = None, **cache: object) -> BlockRollout:
    net = tiny_net()
    settings = RolloutSettings(STEPS, injection="token")
    return BlockRollout(net, tiny_cache(net, references=4, **cache), settings, policy)


def play(made: BlockRollout, blocks: range, source: int | None) -> list[torch.Tensor]:
    """Blocks whose source is drawn by ``source`` and their number."""
    return [
        made.step(
            noise(2 * block),
            lambda step, block=block: noise(9000 + 2 * block + step),
            None if source is None else noise(source + block),
        )
        for block in blocks
    ]


@pytest.mark.parametrize("rope", ["relative", "absolute"])
def test_the_block_sees_its_source(rope: str) -> None:
    outputs = []
    for source in (None, 400, 500):
        made = rollout(rope=rope)
        made.switch(style(1, reference=True))
        outputs.append(play(made, range(3), source))
    for one, other in ((0, 1), (1, 2)):
        for first, second in zip(outputs[one], outputs[other], strict=True):
            assert first.shape == second.shape == (1, 2, 4, 4, 4)
            assert not torch.allclose(first, second, atol=1e-3)


def test_the_cache_keeps_the_clean_frames_and_not_their_source() -> None:
    """Replayed without any source, the same clean frames leave the same keys and values."""
    made, plain = rollout(), rollout()
    for each in (made, plain):
        each.switch(style(1))
    clean = play(made, range(2), source=400)
    made.settle()
    for x0 in clean:
        plain.begin(x0).record(x0, None)
        plain.cache.commit()
    assert made.cache.history == 4
    for layer in range(2):
        for kept, expected in zip(made.cache.contents(layer), plain.cache.contents(layer), strict=True):
            assert kept.shape[1] == 4 * TOKENS
            torch.testing.assert_close(kept, expected)


def test_source_tokens_are_told_from_the_frames_they_belong_to() -> None:
    net = tiny_net()
    plain, beside = (net.rotation((0, 1), 4, 4, kind) for kind in (0, 1))
    assert plain.cos.shape == beside.cos.shape
    assert not torch.allclose(plain.cos, beside.cos)


def test_a_blend_weighs_text_and_references_for_the_source_tokens_too() -> None:
    made, other = rollout(SwitchPolicy("blend", frames=4)), rollout(SwitchPolicy("blend", frames=4))
    for each in (made, other):
        each.switch(style(1, reference=True))
        play(each, range(1), source=400)
    made.switch(style(2, reference=True))
    blended, unswitched = (play(each, range(1, 4), source=400) for each in (made, other))
    assert all(bool(block.isfinite().all()) for block in blended)
    first, last = ((blended[at] - unswitched[at]).norm() for at in (0, 2))
    assert 0 < first < last

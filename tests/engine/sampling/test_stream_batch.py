"""Stream-batch: several blocks' steps at once, each row with a history of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tiny_causal_wan import STEPS, noise, style, tiny_cache, tiny_net

from livestyle.engine.cache.switch import POLICIES, SwitchPolicy
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.few_step import few_step_schedule
from livestyle.engine.sampling.rollout import BlockRollout
from livestyle.engine.sampling.stream_batch import StreamBatchRollout

FOUR = few_step_schedule((1000, 750, 500, 250))


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def batched(schedule=STEPS, policy: SwitchPolicy | None = None, **cache: object) -> StreamBatchRollout:
    net = tiny_net()
    rows = tiny_cache(net, batch=schedule.steps, **cache)
    return StreamBatchRollout(net, rows, RolloutSettings(schedule), policy)


def enter(rollout: StreamBatchRollout, block: int) -> torch.Tensor | None:
    return rollout.advance(noise(2 * block), lambda step: noise(9000 + 2 * block + step))


@pytest.mark.parametrize("blocks", [1, 2, 3, 7])
def test_every_block_comes_out_once_as_many_calls_later_as_there_are_steps(blocks: int) -> None:
    rollout = batched(FOUR)
    rollout.switch(style(1, reference=True))
    made = [enter(rollout, block) for block in range(blocks)]
    assert [each is None for each in made] == [block < 3 for block in range(blocks)]
    drained = []
    while (last := rollout.drain()) is not None:
        drained.append(last)
    whole = [each for each in (*made, *drained) if each is not None]
    assert len(whole) == blocks
    assert all(each.shape == (1, 2, 4, 4, 4) and bool(each.isfinite().all()) for each in whole)
    assert all(not torch.equal(a, b) for a, b in zip(whole, whole[1:], strict=False))


def test_an_evaluation_a_block_whatever_the_steps() -> None:
    rollout, calls = batched(FOUR), []
    rollout.net.register_forward_hook(lambda *_: calls.append(1))
    rollout.switch(style(1))
    enter(rollout, 0)
    assert len(calls) == 4  # the first one through all steps
    for block in range(1, 6):
        enter(rollout, block)
    assert len(calls) == 4 + 5


def test_the_first_block_is_that_of_the_usual_rollout() -> None:
    net = tiny_net()
    usual = BlockRollout(net, tiny_cache(net), RolloutSettings(STEPS, clean_pass=False))
    rollout = batched()
    for each in (usual, rollout):
        each.switch(style(1))
    expected = usual.step(noise(0), lambda step: noise(9000 + step))
    assert enter(rollout, 0) is None
    torch.testing.assert_close(enter(rollout, 1), expected, atol=1e-5, rtol=1e-5)


def test_each_row_is_at_its_own_noise_level() -> None:
    rollout, seen = batched(FOUR), []
    rollout.switch(style(1))
    enter(rollout, 0)
    rollout.net.register_forward_pre_hook(lambda _, given: seen.append(given[1][:, 0].tolist()))
    enter(rollout, 1)
    assert seen == [pytest.approx([sigma * 1000 for sigma in FOUR.sigmas[:-1]])]


def test_what_was_denoised_is_remembered_until_the_window_is_full() -> None:
    rollout, held = batched(), []
    rollout.switch(style(1))
    for block in range(6):
        enter(rollout, block)
        held.append(rollout.cache.history)
    layout = rollout.cache.layout
    assert held == [min(block * layout.block, layout.window - layout.block) for block in range(6)]


@pytest.mark.parametrize("name", POLICIES)
def test_a_switch_reaches_every_row_and_memory_stays(name: str) -> None:
    rollout, other = (batched(policy=SwitchPolicy(name), references=4) for _ in range(2))
    for each in (rollout, other):
        each.switch(style(1, reference=True))
        for block in range(3):
            enter(each, block)
    size = rollout.cache.bytes
    rollout.switch(style(2, reference=True))
    changed, same = (enter(each, 3) for each in (rollout, other))
    assert changed is not None and not torch.allclose(changed, same, atol=1e-4)
    assert rollout.cache.bytes == size == rollout.cache.layout.bytes(2, 4)


def test_rows_must_be_as_many_as_steps() -> None:
    net = tiny_net()
    with pytest.raises(ValueError, match="can't hold"):
        StreamBatchRollout(net, tiny_cache(net, batch=3), RolloutSettings(STEPS))

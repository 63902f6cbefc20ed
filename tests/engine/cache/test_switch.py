"""What each policy keeps and forgets when the style changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tiny_causal_wan import noise, play, style, tiny_net, tiny_rollout

from livestyle.engine.cache.switch import POLICIES, SwitchPolicy
from livestyle.engine.networks.causal_wan import CausalWan
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.rollout import BlockRollout
from livestyle.engine.sampling.style_states import StyleStates


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def contents(rollout: BlockRollout) -> torch.Tensor:
    """All keys and values of references and history, as one tensor."""
    layers = range(rollout.cache.layout.layers)
    return torch.stack([torch.stack(rollout.cache.contents(layer)) for layer in layers])


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_after_refresh_last_the_cache_is_that_of_a_fresh_session(keep: int) -> None:
    """... that was given the new reference, the new text and the last clean frames."""
    rollout = tiny_rollout(SwitchPolicy("refresh_last", keep), sink=1)
    rollout.switch(style(1, reference=True))
    last = torch.cat(play(rollout, range(5)), dim=1)[:, -keep:]
    rollout.switch(style(2, reference=True))

    fresh = tiny_rollout(SwitchPolicy("refresh_last", keep), sink=1)
    fresh.switch(style(2, reference=True))
    fresh.clean_frames.add(last, None)
    fresh.replay()
    assert torch.equal(contents(rollout), contents(fresh))
    again, expected = (play(each, range(5, 7)) for each in (rollout, fresh))
    assert all(torch.equal(a, b) for a, b in zip(again, expected, strict=True))


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_style_changes_nothing(name: str) -> None:
    """Not a bit, now or later."""
    rollout, untouched = (tiny_rollout(SwitchPolicy(name)) for _ in range(2))
    for each in (rollout, untouched):
        each.switch(style(1, reference=True))
        play(each, range(4))
    assert not rollout.switch(style(1, reference=True))
    one, other = play(rollout, range(4, 7)), play(untouched, range(4, 7))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", POLICIES)
def test_what_came_before_a_switch_does_not_know_of_it(name: str) -> None:
    rollout, untouched = (tiny_rollout(SwitchPolicy(name), references=4) for _ in range(2))
    for each in (rollout, untouched):
        each.switch(style(1, reference=True))
    before = play(rollout, range(4))
    expected = play(untouched, range(4))
    rollout.switch(style(2, reference=True))
    assert all(torch.equal(a, b) for a, b in zip(before, expected, strict=True))
    after, continued = play(rollout, range(4, 5)), play(untouched, range(4, 5))
    assert not torch.allclose(after[0], continued[0], atol=1e-3)


@pytest.mark.parametrize("name", POLICIES)
def test_memory_stays_over_many_switches(name: str) -> None:
    rollout = tiny_rollout(SwitchPolicy(name), references=4, sink=1)
    sizes = set()
    for number in range(12):
        rollout.switch(style(number % 3, reference=number % 2 == 0))
        play(rollout, range(2 * number, 2 * number + 2))
        sizes.add((rollout.cache.bytes, rollout.clean_frames.kept.maxlen))
    assert len(sizes) == 1
    assert rollout.cache.history <= 4 and len(rollout.clean_frames) <= 4


@pytest.mark.parametrize(
    ("name", "kept"),
    [("refresh_last", 1), ("recache_window", 4), ("cross_attn_only", 4), ("hard_reset", 0), ("blend", 4)],
)
def test_how_much_of_the_history_is_left(name: str, kept: int) -> None:
    rollout = tiny_rollout(SwitchPolicy(name))
    rollout.switch(style(1))
    play(rollout, range(5))
    rollout.switch(style(2))
    assert rollout.cache.history == kept


def test_recache_keeps_the_sink_and_renews_the_rest() -> None:
    rollout = tiny_rollout(SwitchPolicy("recache_window"), sink=1)
    rollout.switch(style(1))
    play(rollout, range(5))
    rollout.settle()
    before = contents(rollout)
    rollout.switch(style(2))
    after = contents(rollout)
    assert after.shape == before.shape
    assert torch.equal(after[..., :4, :, :], before[..., :4, :, :])
    assert not torch.allclose(after[..., 4:, :, :], before[..., 4:, :, :], atol=1e-3)


def test_rebuild_gives_the_past_no_way_to_add_up() -> None:
    """The window is encoded from clean frames before every block, so it knows nothing older."""
    rollout = tiny_rollout(SwitchPolicy("rebuild_each_block"))
    rollout.switch(style(1))
    made = play(rollout, range(6))
    other = tiny_rollout(SwitchPolicy("rebuild_each_block"))
    other.switch(style(1))
    other.clean_frames.add(torch.cat(made[3:5], dim=1), None)
    assert torch.allclose(play(other, range(5, 6))[0], made[5], atol=1e-5)


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("interpolation", ["lerp", "slerp"])
def test_a_blend_ends_in_the_new_style(reference: bool, interpolation: str) -> None:
    """It starts near the old one, passes frame by frame, and leaves only the new references behind."""
    policy = SwitchPolicy("blend", frames=4, interpolation=interpolation)
    rollout, old, new = (tiny_rollout(policy, net=tiny_net()) for _ in range(3))
    rollout.switch(style(1))
    old.switch(style(1))
    new.switch(style(2, reference=reference))
    play(rollout, range(1)), play(old, range(1))
    rollout.switch(style(2, reference=reference))
    first = play(rollout, range(1, 2))[0]
    unswitched = play(old, range(1, 2))[0]
    assert 0 < (first[:, 0] - unswitched[:, 0]).norm() < (first[:, 1] - unswitched[:, 1]).norm()
    blended = play(rollout, range(2, 9))
    target = play(new, range(9))
    assert rollout.cache.references == int(reference)
    # nothing of the old style is left once its frames have rolled out
    early, late = ((blended[at] - target[at + 2]).norm() for at in (0, 6))
    assert late < 0.5 * early


def test_a_reference_counts_by_its_strength() -> None:
    """0 is no reference at all, 1 needs no bias, between them lies a path."""
    made = {}
    for strength in (None, 0.0, 0.5, 1.0):
        rollout = tiny_rollout()
        rollout.switch(style(1) if strength is None else style(1, reference=True, strength=strength))
        made[strength] = play(rollout, range(1))[0]
    distance = {s: (made[s] - made[None]).norm().item() for s in (0.0, 0.5, 1.0)}
    assert 0 < distance[0.5] < distance[1.0]
    # positions start after the reference, which changes nothing within the block
    assert distance[0.0] < 1e-4


def test_several_references() -> None:
    rollout = tiny_rollout()
    both = torch.cat([style(1, reference=True).references, style(2, reference=True).references], dim=1)
    rollout.switch(StyleStates(style(1).text, both))
    assert rollout.cache.references == 2
    one = tiny_rollout()
    one.switch(style(1, reference=True))
    assert not torch.allclose(play(rollout, range(1))[0], play(one, range(1))[0], atol=1e-3)


def test_the_clean_pass_waits_for_the_next_block() -> None:
    """A block is there after its denoising steps; nothing is computed for a block that never comes."""
    net, calls = tiny_net(), []
    net.register_forward_hook(lambda *_: calls.append(1))
    rollout = tiny_rollout(net=net)
    rollout.switch(style(1))
    play(rollout, range(1))
    assert len(calls) == 2
    play(rollout, range(1, 2))
    assert len(calls) == 5


def test_without_clean_pass_the_last_step_is_kept() -> None:
    net, calls = tiny_net(), []
    net.register_forward_hook(lambda *_: calls.append(1))
    rollout = tiny_rollout(net=net)
    rollout.settings = RolloutSettings(rollout.settings.schedule, clean_pass=False)
    rollout.switch(style(1))
    play(rollout, range(3))
    assert len(calls) == 6 and rollout.cache.history == 4


def test_source_channels_travel_with_clean_and_refreshed_frames() -> None:
    """Channel concatenation: a refresh sees the source of the frame that it encodes."""
    wide = tiny_net(in_channels=8)

    def rollout_with(offset: float) -> torch.Tensor:
        rollout = tiny_rollout(net=wide)
        rollout.switch(style(1, reference=True))
        start = noise(0)
        rollout.step(start, lambda step: noise(50 + step), source=noise(7) + offset)
        rollout.pending = (noise(1), rollout.pending[1])  # the same result from another source
        rollout.switch(style(2, reference=True))
        return contents(rollout)

    assert isinstance(wide, CausalWan)
    assert not torch.allclose(rollout_with(0.0), rollout_with(1.0), atol=1e-3)

"""SegmentedKVCache: what stays, what goes, and that it never grows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tiny_causal_wan import TOKENS, play, style, tiny_cache, tiny_net, tiny_rollout

from livestyle.engine.cache.kv_cache import SegmentedKVCache
from livestyle.engine.cache.layout import CacheLayout
from livestyle.engine.cache.switch import SwitchPolicy


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def numbered(cache: SegmentedKVCache, blocks: int, size: int = 1) -> list[tuple[int, ...]]:
    """Commit blocks whose keys are their frame's number; returns what each block could see."""
    seen, frame = [], 0
    for _ in range(blocks):
        view = cache.begin(size)
        for layer in range(cache.layout.layers):
            part = view.layer(layer)
            values = torch.arange(frame, frame + size).float().repeat_interleave(cache.layout.tokens)
            k = values[None, :, None, None].expand(1, -1, cache.layout.heads, cache.layout.head_width)
            keys, _ = part.put(k, -k)
        numbers = keys[0, :: cache.layout.tokens, 0, 0].int().tolist()
        if view.key_positions is not None:  # in the order of time
            numbers = [number for _, number in sorted(zip(view.key_positions, numbers, strict=True))]
        seen.append(tuple(numbers))
        cache.commit()
        frame += size
    return seen


def layout(**changes: int) -> CacheLayout:
    sizes = {"layers": 1, "heads": 1, "head_width": 2, "tokens": 2, "block": 1, "window": 4, **changes}
    return CacheLayout(**sizes)


def test_the_window_slides_and_the_sink_stays() -> None:
    seen = numbered(SegmentedKVCache(layout()), 7)
    assert seen[2:] == [(0, 1, 2), (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 6)]
    seen = numbered(SegmentedKVCache(layout(sink=1)), 7)
    assert seen[2:] == [(0, 1, 2), (0, 1, 2, 3), (0, 2, 3, 4), (0, 3, 4, 5), (0, 4, 5, 6)]


def test_blocks_of_several_frames() -> None:
    """Also where a block is cut by the sink's end or is larger than what rolls."""
    seen = numbered(SegmentedKVCache(layout(block=3, window=6, sink=1)), 4, size=3)
    assert seen == [(0, 1, 2), (0, 1, 2, 3, 4, 5), (0, 4, 5, 6, 7, 8), (0, 7, 8, 9, 10, 11)]
    seen = numbered(SegmentedKVCache(layout(block=3, window=5)), 3, size=3)
    assert seen == [(0, 1, 2), (1, 2, 3, 4, 5), (4, 5, 6, 7, 8)]


def test_a_window_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        layout(window=3, sink=3)


def test_relative_positions_equal_absolute_ones_while_the_window_is_one_run() -> None:
    """Also after the first frames have gone, as long as there is no sink and no reference."""
    made = {}
    for rope in ("relative", "absolute"):
        for sink in (0, 2):
            rollout = tiny_rollout(rope=rope, sink=sink)
            rollout.switch(style(1))
            made[rope, sink] = torch.cat(play(rollout, range(7)), dim=1)
    assert torch.allclose(made["relative", 0], made["absolute", 0], atol=1e-4)
    before = 6  # latent frames until the first eviction
    assert torch.allclose(made["relative", 2][:, :before], made["absolute", 2][:, :before], atol=1e-5)
    assert not torch.allclose(made["relative", 2][:, before:], made["absolute", 2][:, before:], atol=1e-3)


def test_references_are_the_same_bits_after_100_rolls() -> None:
    rollout = tiny_rollout(sink=1)
    rollout.switch(style(1, reference=True))
    cache = rollout.cache
    before = [tuple(part[:, :TOKENS].clone() for part in cache.contents(layer)) for layer in range(2)]
    play(rollout, range(103))
    for layer, (k, v) in enumerate(before):
        keys, values = cache.contents(layer)
        assert torch.equal(keys[:, :TOKENS], k) and torch.equal(values[:, :TOKENS], v)


@pytest.mark.parametrize("precision", ["native", "fp8"])
def test_memory_is_constant_and_as_predicted(precision: str) -> None:
    net = tiny_net()
    rollout = tiny_rollout(net=net, precision=precision, sink=1)
    rollout.switch(style(1))
    start = rollout.cache.bytes
    assert start == rollout.cache.layout.bytes(1, 4, precision)
    if precision == "fp8":
        assert start < 0.7 * rollout.cache.layout.bytes(1, 4)
    play(rollout, range(12))
    assert rollout.cache.bytes == start


def test_no_number_grows_far_beyond_1024_latent_frames() -> None:
    """1500 blocks of 3 frames: 18,000 pictures, four and a half times what a table of 1024 allows."""
    cache = SegmentedKVCache(layout(block=3, window=9, sink=1))
    numbered(cache, 4, size=3)
    known = {name: value for name, value in vars(cache.roll).items() if isinstance(value, int)}
    numbered(cache, 1500, size=3)
    assert {name: value for name, value in vars(cache.roll).items() if isinstance(value, int)} == known
    view = cache.begin(3)
    assert max(view.positions) < cache.layout.slots and max(view.key_positions) < cache.layout.slots


def test_fp8_stays_close() -> None:
    made = []
    for precision in ("native", "fp8"):
        rollout = tiny_rollout(precision=precision, sink=1)
        rollout.switch(style(1, reference=True))
        made.append(torch.cat(play(rollout, range(6)), dim=1))
    error = (made[0] - made[1]).square().mean().sqrt()
    assert 0 < error < 0.03 * made[0].square().mean().sqrt()


@pytest.mark.parametrize(("similarity", "kept"), [(None, 0), (-1.1, 0), (0.2, 9)])
def test_an_adaptive_sink_follows_a_change_of_scene(similarity: float | None, kept: int) -> None:
    """The frames before the cut point the other way; the one after it takes the sink's place."""
    cache = SegmentedKVCache(layout(sink=1), sink_similarity=similarity)
    for number, direction in enumerate((1.0, 1.0, 1.0, -1.0)):
        k = torch.full((1, 2, 1, 2), direction) * (9 if direction < 0 else 1)
        cache.begin(1).layer(0).put(k, k)
        cache.commit()
        assert number < 4
    sink = cache.contents(0)[0][0, 0, 0, 0].item()
    assert sink == (-9 if kept else 1)


@pytest.mark.parametrize("rolling", [1, 2])
def test_a_sink_that_averages_what_leaves(rolling: int) -> None:
    """Against the formula on frames' numbers: once a block, by place, before the next block looks."""
    cache = SegmentedKVCache(layout(block=2, window=4 + 2 * rolling, sink=2), sink_average=0.9)
    blocks = 9
    numbered(cache, blocks, size=2)
    expected = [0.0, 1.0]
    for block in range(1, blocks - rolling):
        expected = [0.9 * old + 0.1 * (2 * block + place) for place, old in enumerate(expected)]
    keys, values = cache.contents(0)
    assert keys[0, :4:2, 0, 0].tolist() == pytest.approx(expected)
    assert values[0, :4:2, 0, 0].tolist() == pytest.approx([-each for each in expected])


def test_a_bank_keeps_the_frames_that_the_text_attends_to() -> None:
    """Against lists: the last first frame of three blocks takes a place, then the weakest gives way."""
    sizes = layout(layers=2, block=2, window=8, sink=2, bank=3, heads=2)
    cache, tokens = SegmentedKVCache(sizes, rope="absolute"), sizes.tokens
    generator = torch.Generator().manual_seed(5)
    texts = [torch.randn(1, 1, 5, 2, 2, generator=generator) for _ in range(2)]
    text = [(each, each) for each in texts]
    banks: list[list[torch.Tensor]] = [[], []]
    for block in range(16):
        view = cache.begin(2)
        assert view.references == 0 and view.positions == (2 * block, 2 * block + 1)
        for layer in range(2):
            keys = torch.randn(1, 2 * tokens, 2, 2, generator=generator)
            seen, _ = view.layer(layer).put(keys, -keys)
            count = len(banks[layer])
            assert len(seen[0]) == tokens * (count + min(2 + 2 * block, 8))
            kept = seen[0, : count * tokens].unflatten(0, (count, tokens))
            assert sorted(kept.flatten(1).tolist()) == sorted(f.flatten().tolist() for f in banks[layer])
        for layer in range(2):
            new = view.layer(layer).keys[0, view.layer(layer).at :][:tokens].clone()
            bank = banks[layer]
            if block < 9:
                banks[layer] = [*bank[: block // 3], new]
                continue
            scores = [torch.einsum("bfthd,nhd->btnh", texts[layer], old).mean() / 2**0.5 for old in bank]
            weakest = min(range(3), key=lambda place, scores=scores: float(scores[place]))
            banks[layer] = [new if place == weakest else old for place, old in enumerate(bank)]
        cache.commit(text)
    cache.clear_history()
    assert cache.begin(2).frames == 2
    with pytest.raises(ValueError, match="references or a bank"):
        layout(bank=1, references=1)


@pytest.mark.parametrize("rope", ["relative", "absolute"])
def test_a_recached_window_leaves_its_frames_where_they_were(rope: str) -> None:
    """The sink stays, no frame of it is encoded twice, and the past is as long as without a switch."""
    rollouts = []
    for name in ("cross_attn_only", "recache_window"):
        for blocks in (2, 6):
            made = tiny_rollout(SwitchPolicy(name), rope=rope, sink=2)
            made.switch(style(1))
            play(made, range(blocks))
            made.switch(style(2))
            made.settle()
            rollouts.append((made.cache.roll.position, made.cache.history, made.cache.begin(2).positions))
    assert rollouts[:2] == rollouts[2:]


@pytest.mark.parametrize("precision", ["native", "fp8"])
def test_a_short_block_sees_and_leaves_what_a_full_one_does(precision: str) -> None:
    cache = tiny_cache(tiny_net(), references=0, precision=precision)
    first = numbered(cache, 1, size=2)
    last = cache.begin(1)
    keys, _ = last.layer(0).put(*(torch.full((1, TOKENS, 4, 12), 7.0) for _ in range(2)))
    cache.commit()
    assert first == [(0, 1)] and sorted(keys[0, ::TOKENS, 0, 0].int().tolist()) == [0, 1, 7]
    assert len(last.key_positions) == last.frames == 3
    assert cache.contents(0)[0][0, ::TOKENS, 0, 0].int().tolist() == [0, 1, 7]


def test_too_many_references_are_refused() -> None:
    rollout = tiny_rollout(SwitchPolicy("blend"), references=1)
    rollout.switch(style(1, reference=True))
    play(rollout, range(1))
    with pytest.raises(ValueError, match="do not fit"):
        rollout.switch(style(2, reference=True))

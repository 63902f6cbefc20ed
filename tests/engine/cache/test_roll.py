"""Which frame lies in which slot, against a plain list of frames."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from livestyle.engine.cache.layout import CacheLayout
from livestyle.engine.cache.roll import Roll


@given(
    block=st.integers(1, 4),
    sink=st.integers(0, 4),
    rolling=st.integers(0, 7),
    references=st.integers(0, 2),
    sizes=st.lists(st.integers(1, 4), max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_the_first_frames_and_the_last_ones_are_kept(block, sink, rolling, references, sizes) -> None:
    layout = CacheLayout(1, 1, 2, 1, block, sink + rolling + block, sink, references)
    roll, stream = Roll(layout), []
    roll.references = references
    slots = {slot: f"reference {slot}" for slot in range(references)}
    for size in (min(size, block) for size in sizes):
        roll.begin(size)
        new = list(range(len(stream), len(stream) + size))
        slots |= dict(enumerate(new, layout.references))
        stream += new
        copies = roll.commit()
        frames = [slots[source] for source, _ in copies]
        slots |= {target: frame for (_, target), frame in zip(copies, frames, strict=True)}
        first, rest = stream[:sink], stream[sink:]
        kept = [*(slots[slot] for slot in range(references)), *first, *rest[max(0, len(rest) - rolling) :]]
        assert [slots[slot] for slot in roll.slots] == kept
        start, stop = roll.filled
        assert set(roll.slots) - set(range(references)) <= set(range(start, stop))
        assert sorted(roll.key_positions) == list(range(references + roll.history))


@given(
    block=st.integers(1, 4),
    sink=st.integers(0, 4),
    rolling=st.integers(0, 9),
    absolute=st.booleans(),
    cuts=st.lists(st.booleans(), min_size=1, max_size=14),
)
@settings(max_examples=200, deadline=None)
def test_a_shot_s_first_block_stays_until_the_next_shot(block, sink, rolling, absolute, cuts) -> None:
    """Frames with their times in plain lists: what is not pinned leaves first, the oldest before others."""
    roll = Roll(
        CacheLayout(1, 1, 2, 1, block, sink + rolling + block, sink), "absolute" if absolute else "relative"
    )
    slots: dict[int, tuple[int, int]] = {}
    first: list[tuple[int, int]] = []
    kept: list[tuple[int, int]] = []
    pinned: list[tuple[int, int]] = []
    time, jump = 0, 8
    for number, cut in enumerate(cuts):
        if cut and number:
            roll.new_shot(jump)
            time += jump
        roll.begin(block)
        new = [(number * block + place, time + place) for place in range(block)]
        if absolute:
            assert roll.positions == tuple(at for _, at in new)
        slots |= dict(enumerate(new))
        copies = roll.commit()
        frames = [slots[source] for source, _ in copies]
        slots |= {target: frame for (_, target), frame in zip(copies, frames, strict=True)}
        time += block
        to_sink = min(block, sink - len(first))
        first += new[:to_sink]
        new = new[to_sink:][-rolling:] if rolling else []
        while len(kept) + len(new) > rolling:
            loose = [frame for frame in kept if frame not in pinned]
            kept.remove((loose or kept)[0])
        kept += new
        pinned = new if cut and number else [frame for frame in pinned if frame in kept]
        assert [slots[slot] for slot in roll.slots] == [*first, *kept]
        assert len(set(roll.slots)) == len(roll.slots)
        assert sorted(roll.key_positions) == list(range(roll.history))

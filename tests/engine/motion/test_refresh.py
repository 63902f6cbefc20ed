"""When condition pictures are renewed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.motion.refresh import RefreshClock, RefreshPolicy


def ask(clock: RefreshClock, *, restart: bool = False, cut: int | None = None, moved: float = 0.0):
    return clock.decide(8, restart=restart, cut=cut, moved=moved)


@given(every=st.integers(1, 9), chunks=st.integers(2, 40))
def test_counts_from_the_first_picture(every: int, chunks: int) -> None:
    clock = RefreshClock(RefreshPolicy(every=every))
    found = [ask(clock, restart=index == 0) for index in range(chunks)]
    assert found[:2] == [0, 8]
    assert [index for index, carried in enumerate(found) if carried == 8] == list(range(1, chunks, every))


def test_motion_adds_up_over_chunks_and_starts_anew() -> None:
    clock = RefreshClock(RefreshPolicy(every=0, motion=5.0))
    ask(clock, restart=True)
    found = [ask(clock, moved=2.0) for _ in range(7)]
    assert [carried == 8 for carried in found] == [True, False, False, True, False, False, True]


def test_a_cut_shows_the_old_scene_up_to_it_and_is_followed_by_a_refresh() -> None:
    clock = RefreshClock(RefreshPolicy(every=0))
    ask(clock, restart=True)
    ask(clock)
    assert [ask(clock), ask(clock, cut=3), ask(clock), ask(clock)] == [None, 3, 8, None]
    assert [ask(clock, cut=0), ask(clock, cut=0), ask(clock)] == [0, 0, 8]
    assert ask(clock, restart=True, cut=5) == 0

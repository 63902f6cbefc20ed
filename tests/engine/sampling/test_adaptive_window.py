"""The adaptive window: bounds, monotonicity, hysteresis, cuts, prompts and the time budget."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.sampling.adaptive_window import (
    AdaptiveWindow,
    Scene,
    TimeBudget,
    WindowSettings,
)

SHARES = st.floats(0, 1)
SCENES = st.builds(
    Scene,
    motion=SHARES,
    detail=SHARES,
    cut=st.sampled_from([False, False, False, True]),
    prompt_age=st.integers(0, 20),
    slack=st.none() | st.floats(-2, 1),
)
FILMS = st.lists(SCENES, min_size=1, max_size=30)
BUSY = Scene(1.0, 1.0)
quick = settings(max_examples=60, deadline=None)


def lengths(film: list[Scene], window: AdaptiveWindow | None = None) -> list[int]:
    window = window or AdaptiveWindow()
    return [window.update(scene) for scene in film]


@quick
@given(FILMS)
def test_the_length_is_always_a_bucket(film: list[Scene]) -> None:
    assert set(lengths(film)) <= {4, 8, 16}


@quick
@given(FILMS, st.lists(SHARES, min_size=30, max_size=30), st.sampled_from(["motion", "detail"]))
def test_a_busier_film_never_gets_a_shorter_window(film: list[Scene], more: list[float], part: str) -> None:
    busier = [
        replace(scene, **{part: max(getattr(scene, part), extra)})
        for scene, extra in zip(film, more, strict=False)
    ]
    assert all(low <= high for low, high in zip(lengths(film), lengths(busier), strict=True))


@quick
@given(FILMS, st.integers(0, 20))
def test_an_older_prompt_never_gets_a_shorter_window(film: list[Scene], extra: int) -> None:
    older = [replace(scene, prompt_age=scene.prompt_age + extra) for scene in film]
    assert all(low <= high for low, high in zip(lengths(film), lengths(older), strict=True))


@quick
@given(FILMS, st.lists(st.floats(0, 1), min_size=30, max_size=30))
def test_more_slack_never_gives_a_shorter_window(film: list[Scene], extra: list[float]) -> None:
    held = [replace(scene, slack=scene.slack if scene.slack is not None else 0.0) for scene in film]
    freer = [replace(scene, slack=scene.slack + more) for scene, more in zip(held, extra, strict=False)]
    assert all(low <= high for low, high in zip(lengths(held), lengths(freer), strict=True))


@quick
@given(FILMS)
def test_it_grows_by_one_bucket_and_not_at_every_chunk(film: list[Scene]) -> None:
    buckets = [4, 8, 16]
    steps = [4, *lengths(film)]
    moves = [buckets.index(b) - buckets.index(a) for a, b in pairwise(steps)]
    assert max(moves) <= 1
    assert not any(a > 0 and b > 0 for a, b in pairwise(moves))


@quick
@given(FILMS)
def test_a_cut_is_always_answered_by_the_shortest_window(film: list[Scene]) -> None:
    assert all(length == 4 for scene, length in zip(film, lengths(film), strict=True) if scene.cut)


@quick
@given(st.lists(SCENES, max_size=10), st.floats(-5, -1e-6))
def test_an_exceeded_budget_shrinks_within_one_chunk(film: list[Scene], slack: float) -> None:
    window = AdaptiveWindow()
    lengths([*film, *[BUSY] * 8], window)
    before = window.length
    assert before == 16
    assert window.update(replace(BUSY, slack=slack)) == 8
    assert window.update(replace(BUSY, slack=slack)) == 4
    assert window.update(replace(BUSY, slack=slack)) == 4


def test_it_grows_only_where_the_next_length_fits_the_budget() -> None:
    assert lengths([replace(BUSY, slack=0.49)] * 8)[-1] == 4
    assert lengths([replace(BUSY, slack=0.5)] * 8)[-1] == 16


@pytest.mark.parametrize("calm", [1, 2, 3])
def test_it_shrinks_at_once_and_grows_slowly(calm: int) -> None:
    film = [BUSY] * 6 + [Scene()] * calm + [BUSY] * 6
    assert lengths(film) == [4, 8, 8, 16, 16, 16, *[4] * calm, 8, 8, 16, 16, 16, 16]


@pytest.mark.parametrize("before", [5, 6])
def test_patience_counts_from_a_cut(before: int) -> None:
    film = [BUSY] * before + [replace(BUSY, cut=True)] + [BUSY] * 5
    assert lengths(film)[before:] == [4, 4, 8, 8, 16, 16]


def test_small_changes_around_a_border_do_not_flutter() -> None:
    border = (8 + 16) / 2
    share = (border - 4) / 12
    film = [Scene(motion=share / 0.8 + (0.01 if i % 2 else -0.01)) for i in range(20)]
    assert len(set(lengths(film, AdaptiveWindow(WindowSettings(detail=0.0))))) <= 2
    assert len(set(lengths(film)[4:])) == 1


def test_a_new_prompt_starts_short_and_regrows() -> None:
    window = AdaptiveWindow()
    lengths([BUSY] * 6, window)
    film = [replace(BUSY, prompt_age=age) for age in range(10)]
    shown = lengths(film, window)
    assert shown[0] == 4 and shown[-1] == 16 and shown == sorted(shown)


def test_a_film_of_both_kinds_lies_between_the_fixed_lengths() -> None:
    film = ([Scene(0.05, 0.1)] * 12 + [Scene(0.9, 0.8)] * 12) * 3
    shown = lengths(film)
    assert 4 < sum(shown) / len(shown) < 16


class TestTimeBudget:
    """Slack from what chunks took."""

    def test_the_slowest_recent_chunk_counts(self) -> None:
        budget = TimeBudget(samples=3)
        assert budget.slack(8, 0.1) == 0.0
        for seconds in (0.2, 0.04, 0.05, 0.06):
            budget.add(8, seconds)
        assert budget.slack(8, 0.1) == pytest.approx(0.4)

    def test_times_of_another_window_are_forgotten(self) -> None:
        budget = TimeBudget()
        budget.add(16, 0.3)
        assert budget.slack(16, 0.1) == pytest.approx(-2.0)
        budget.add(8, 0.05)
        assert budget.slack(8, 0.1) == pytest.approx(0.5)
        assert budget.slack(16, 0.1) == 0.0

    def test_a_length_that_was_not_timed_yet_holds(self) -> None:
        budget = TimeBudget()
        budget.add(16, 0.3)
        assert budget.slack(8, 0.1) == 0.0

    def test_without_a_budget_there_is_no_slack(self) -> None:
        budget = TimeBudget()
        budget.add(8, 5.0)
        assert budget.slack(8, 0.0) is None


@pytest.mark.parametrize("buckets", [(), (8, 4), (4, 4), (0, 4)])
def test_buckets_rise(buckets: tuple[int, ...]) -> None:
    with pytest.raises(SettingError, match="^window buckets .*: write rising lengths"):
        WindowSettings(buckets=buckets)

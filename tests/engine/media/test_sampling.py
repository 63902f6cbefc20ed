"""Which frames are taken, and when: properties over random timelines."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from livestyle.engine.media.sampling import Timed, count_samples, exact_rate, sample, sampled_rate
from livestyle.engine.media.types import Trim

steps = st.lists(st.integers(1, 200), min_size=1, max_size=60)
rates = st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(10)])


def timeline(durations: list[int]) -> list[Timed[int]]:
    """Frames that last the given milliseconds."""
    time, frames = Fraction(0), []
    for index, duration in enumerate(durations):
        frames.append(Timed(time, Fraction(duration, 1000), index))
        time += Fraction(duration, 1000)
    return frames


def constant(count: int, rate: Fraction) -> list[Timed[int]]:
    return [Timed(index / rate, 1 / rate, index) for index in range(count)]


@settings(deadline=None)
@given(steps)
def test_without_trim_everything_comes_untouched(durations: list[int]) -> None:
    frames = timeline(durations)
    assert list(sample(frames, Trim())) == [(frame.time, frame.item) for frame in frames]


@settings(deadline=None)
@given(steps, st.lists(st.integers(0, 4000), min_size=0, max_size=4))
def test_adjoining_trims_take_every_frame_once(durations: list[int], cuts: list[int]) -> None:
    frames = timeline(durations)
    edges = [0, *sorted(set(cuts) - {0}), 100_000]
    taken: list[int] = []
    for begin, end in zip(edges, edges[1:], strict=False):
        trim = Trim(start=begin / 1000, duration=(end - begin) / 1000)
        taken += [item for _, item in sample(frames, trim)]
    assert taken == list(range(len(frames)))


@settings(deadline=None)
@given(steps, st.integers(0, 3000), st.integers(1, 3000))
def test_trimmed_times_begin_at_zero_and_keep_their_distances(
    durations: list[int], start: int, length: int
) -> None:
    frames = timeline(durations)
    for time, item in sample(frames, Trim(start=start / 1000, duration=length / 1000)):
        assert 0 <= time < Fraction(length, 1000)
        assert time == frames[item].time - Fraction(start, 1000)


@settings(deadline=None)
@given(steps, st.integers(1, 7))
def test_every_nth_is_every_nth(durations: list[int], nth: int) -> None:
    frames = timeline(durations)
    everything = list(sample(frames, Trim()))
    assert list(sample(frames, Trim(every_nth=nth))) == everything[::nth]


@settings(deadline=None)
@given(st.integers(1, 120), rates, st.data())
def test_resampling_to_the_own_rate_is_the_identity(count: int, rate: Fraction, data: st.DataObject) -> None:
    jitter = st.fractions(Fraction(-1, 2500), Fraction(1, 2500), max_denominator=10_000)
    frames = [
        Timed(frame.time + (data.draw(jitter) if frame.item else 0), frame.duration, frame.item)
        for frame in constant(count, rate)
    ]
    taken = list(sample(frames, Trim(fps=float(rate))))
    assert [item for _, item in taken] == list(range(count))
    assert [time for time, _ in taken] == [index / rate for index in range(count)]


@settings(deadline=None)
@given(steps, st.sampled_from([5.0, 12.0, 23.976, 24.0, 60.0]))
def test_resampling_is_constant_in_order_and_near(durations: list[int], fps: float) -> None:
    frames = timeline(durations)
    rate = exact_rate(fps)
    end = frames[-1].time + frames[-1].duration
    taken = list(sample(frames, Trim(fps=fps)))
    assert [time for time, _ in taken] == [index / rate for index in range(len(taken))]
    assert abs(len(taken) - end * rate) <= 1
    items = [item for _, item in taken]
    assert items == sorted(items)
    half = 1 / rate / 2
    for time, item in taken:
        assert frames[item].time <= time + half
        following = frames[item + 1].time if item + 1 < len(frames) else end
        assert following >= time - half


@settings(deadline=None)
@given(
    st.integers(1, 200), rates, st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 5), st.booleans()
)
def test_the_count_is_known_before(
    count: int, rate: Fraction, start: int, length: int, nth: int, resampled: bool
) -> None:
    trim = Trim(start / 1000, length / 1000, nth, 15.0 if resampled else 0.0)
    assert count_samples(count, rate, trim) == len(list(sample(constant(count, rate), trim)))


def test_a_still_of_five_seconds_fills_a_resampled_trim() -> None:
    taken = list(sample([Timed(Fraction(0), Fraction(5), "still")], Trim(start=2, duration=1, fps=10)))
    assert taken == [(Fraction(index, 10), "still") for index in range(10)]


def test_a_trim_behind_the_end_takes_nothing() -> None:
    for fps in (0.0, 10.0):
        assert not list(sample(constant(10, Fraction(10)), Trim(start=3, fps=fps)))


def test_rates_are_read_as_meant() -> None:
    assert exact_rate(23.976) == Fraction(24000, 1001)
    assert exact_rate(29.97) == Fraction(30000, 1001)
    assert exact_rate(59.94) == Fraction(60000, 1001)
    assert exact_rate(24) == 24
    assert exact_rate(12.5) == Fraction(25, 2)
    assert exact_rate(0.5) == Fraction(1, 2)
    assert sampled_rate(Fraction(30), Trim(every_nth=3)) == 10
    assert sampled_rate(Fraction(30), Trim(fps=24, every_nth=2)) == 12

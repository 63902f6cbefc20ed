"""Clock policies: what is used, what is dropped, who waits."""

from __future__ import annotations

import threading

import pytest

from livestyle.engine.media.live.clock import QUEUE, SPAN, ClockPolicy, FrameClock


def _filled(policy: ClockPolicy, count: int, pictures: int) -> FrameClock[int]:
    clock: FrameClock[int] = FrameClock(policy)
    clock.take(count, 0)  # tells how many are wanted
    for number in range(pictures):
        clock.put(number)
    return clock


def test_latest_gives_the_newest_and_counts_the_rest() -> None:
    clock = _filled("latest", 4, 30)
    assert clock.take(4, 0) == [26, 27, 28, 29]
    assert clock.dropped == 26
    assert clock.take(4, 0) == []


def test_drop_oldest_keeps_a_short_queue_in_order() -> None:
    clock = _filled("drop_oldest", 2, 30)
    kept = 2 + QUEUE
    assert clock.take(2, 0) == [30 - kept, 31 - kept]
    assert clock.dropped == 30 - kept
    assert len(clock) == kept - 2


def test_resample_spreads_over_all_that_came() -> None:
    clock = _filled("resample", 4, 12)
    assert clock.take(4, 0) == [2, 5, 8, 11]
    assert clock.dropped == 8
    flooded = _filled("resample", 4, 1000)
    taken = flooded.take(4, 0)
    assert taken[-1] == 999 and len(set(taken)) == 4
    assert taken[0] >= 1000 - (4 + SPAN)
    assert flooded.dropped == 996


def test_every_frame_makes_the_source_wait_and_loses_nothing() -> None:
    clock: FrameClock[int] = FrameClock("every_frame")
    source = threading.Thread(target=lambda: [clock.put(number) for number in range(50)], daemon=True)
    source.start()
    taken: list[int] = []
    while len(taken) < 50:
        taken += clock.take(5, 5)
        assert len(clock) <= 5 + QUEUE
    assert taken == list(range(50)) and clock.dropped == 0
    source.join(5)
    assert not source.is_alive()


@pytest.mark.parametrize("policy", ["every_frame", "latest", "resample", "drop_oldest"])
def test_silence_gives_what_there_is(policy: ClockPolicy) -> None:
    clock = _filled(policy, 4, 3)
    assert clock.take(4, 0.01) == [0, 1, 2]


def test_closing_ends_all_waiting() -> None:
    clock: FrameClock[int] = FrameClock("every_frame")
    results: list[object] = []
    taker = threading.Thread(target=lambda: results.append(clock.take(1, 60)), daemon=True)
    taker.start()
    clock.close()
    taker.join(5)
    assert results == [[]]
    assert clock.put(1) is False

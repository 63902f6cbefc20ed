"""Frames that come in chunks are shown evenly, and what piles up is caught up with."""

from __future__ import annotations

import pytest

from livestyle.engine.runtime.pace import LONGEST_WAIT_S, Pace


def paced(chunk: int, every: float, chunks: int = 12) -> Pace:
    """A pace that has seen chunks of so many frames, so many seconds apart."""
    pace = Pace()
    for number in range(chunks):
        for frame in range(chunk):
            pace.arrived(number * every + frame * 0.001)
    return pace


def test_a_chunk_is_spread_over_the_time_to_the_next() -> None:
    pace = paced(chunk=4, every=0.2)
    spread = sum(pace.interval(waiting) for waiting in range(4))
    assert 0.17 < spread < 0.21


def test_what_waits_beyond_a_chunk_is_caught_up_with_before_the_next() -> None:
    pace = paced(chunk=4, every=0.2)
    assert sum(pace.interval(waiting) for waiting in range(20, 0, -1)) < 2.5 * 0.2
    assert pace.interval(20) == pytest.approx(pace.interval(4) / 5)


def test_nothing_is_known_before_the_second_frame_and_no_wait_is_long() -> None:
    pace = Pace()
    assert pace.interval(0) == 0
    pace.arrived(0.0)
    assert pace.interval(0) == 0
    pace.arrived(9.0)
    assert pace.interval(0) <= LONGEST_WAIT_S

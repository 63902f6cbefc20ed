"""Stream time: even where the source's clock is, real where it isn't, and always forward."""

from __future__ import annotations

from fractions import Fraction

from livestyle.engine.media.live.stream_time import StreamTime


def test_the_sources_spacing_survives_jitter() -> None:
    time = StreamTime()
    times = [time.at(Fraction(number, 25), 100 + number / 25 + number % 3 * 0.01) for number in range(50)]
    assert {later - earlier for earlier, later in zip(times, times[1:], strict=False)} == {Fraction(1, 25)}


def test_a_jump_of_the_clock_falls_back_to_real_time() -> None:
    time = StreamTime()
    time.at(Fraction(5000), 10.0)
    assert time.at(Fraction(0), 13.0) == 3
    assert time.at(Fraction(1, 25), 13.04) == Fraction(76, 25)


def test_time_never_stands_still_or_goes_back() -> None:
    time = StreamTime()
    stamps = [None, Fraction(0), None, Fraction(0), Fraction(-1, 2), None]
    times = [time.at(stamp, 50.0) for stamp in stamps]
    assert all(later > earlier for earlier, later in zip(times, times[1:], strict=False))


def test_sound_of_a_new_connection_is_in_step_before_its_first_picture_is_read() -> None:
    time = StreamTime()
    assert time.at(Fraction(500), 10.0) == 0
    time.seen(Fraction(1), 20.0)
    late = time.of_sound(Fraction(3, 2), 20.7)
    assert late == Fraction(21, 2), "it came late, which its stamp knows"
    assert time.at(Fraction(3, 2), 20.6) == late

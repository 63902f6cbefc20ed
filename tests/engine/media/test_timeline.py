"""One clock for several tracks: which jumps are bridged, and where a segment begins."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import SimpleNamespace

from livestyle.engine.media.timeline import FORWARD_INDEXED, FORWARD_JOINED, Timeline

VIDEO = SimpleNamespace(index=0, time_base=Fraction(1, 90_000))
AUDIO = SimpleNamespace(index=1, time_base=Fraction(1, 48_000))
STEP = {0: Fraction(1, 25), 1: Fraction(1, 50)}


@dataclass
class Packet:
    """A packet as PyAV gives it, as far as a timeline looks."""

    stream: SimpleNamespace
    dts: int | None
    pts: int | None
    duration: int


def packet(stream: SimpleNamespace, time: float) -> Packet:
    ticks = round(Fraction(time).limit_denominator(10_000) / stream.time_base)
    return Packet(stream, ticks, ticks, round(STEP[stream.index] / stream.time_base))


def placed(times: list[tuple[SimpleNamespace, float]], forward: int = FORWARD_JOINED) -> list[float]:
    """Where packets lie on the timeline, in seconds."""
    timeline, found = Timeline([VIDEO, AUDIO], forward), []
    for stream, time in times:
        each = packet(stream, time)
        timeline.place(each)
        assert each.dts == each.pts
        found.append(round(float(each.pts * stream.time_base), 3))
    return found


def both(start: float, seconds: float) -> list[tuple[SimpleNamespace, float]]:
    """Picture and sound that begin together, interleaved."""
    video = [(VIDEO, start + index / 25) for index in range(round(seconds * 25))]
    audio = [(AUDIO, start + index / 50) for index in range(round(seconds * 50))]
    return sorted(video + audio, key=lambda each: each[1])


def test_an_even_clock_is_left_alone() -> None:
    times = both(100.0, 2)
    assert placed(times) == [round(time, 3) for _, time in times]


def test_a_clock_that_begins_again_goes_on() -> None:
    times = placed(both(1.4, 1) + both(1.4, 1))
    assert times == [round(time, 3) for _, time in both(1.4, 1) + both(2.4, 1)]


def test_a_day_between_is_bridged_for_both() -> None:
    times = placed(both(0, 1) + both(86_400, 1))
    assert times == [round(time, 3) for _, time in both(0, 1) + both(1, 1)]


def test_a_packet_that_comes_late_stays_in_its_segment() -> None:
    """The last picture of the first part lies behind the first sound of the second one in the file."""
    first, second = both(50, 1), both(0, 1)
    late = first.pop(next(i for i in reversed(range(len(first))) if first[i][0] is VIDEO))
    second.sort(key=lambda each: (each[1], -each[0].index))
    second.insert(1, late)
    found = placed(first + second)
    assert found[len(first) + 1] == round(late[1], 3)
    shifts = {round(time - t, 2) for time, (_, t) in zip(found, first + second, strict=True) if t < 40}
    assert len(shifts) == 1  # both tracks of the second part by the same


def test_a_pause_of_one_track_is_no_jump() -> None:
    video = [(VIDEO, index / 25) for index in range(25 * 30)]
    sound = [(AUDIO, index / 50) for index in range(50)] + [(AUDIO, 20 + index / 50) for index in range(50)]
    times = sorted(video + sound, key=lambda each: each[1])
    assert placed(times) == [round(time, 3) for _, time in times]


def test_a_wrong_timestamp_of_one_track_moves_nothing_else() -> None:
    """One packet is a day off; before and after it, picture and sound keep their distance."""
    times = both(0, 2)
    spoilt = next(i for i, (stream, time) in enumerate(times) if stream is VIDEO and time == 1.0)
    times[spoilt] = (VIDEO, 86_400.0)
    found = placed(times)
    assert [t for i, t in enumerate(found) if i != spoilt] == [
        round(t, 3) for i, (_, t) in enumerate(times) if i != spoilt
    ]


def test_a_slide_show_stands_still_for_long() -> None:
    times = [(VIDEO, 0.0), (VIDEO, 600.0), (VIDEO, 1800.0)]
    assert placed(times, FORWARD_INDEXED) == [0.0, 600.0, 1800.0]


def test_packets_without_a_time_stay() -> None:
    timeline = Timeline([VIDEO], FORWARD_JOINED)
    each = Packet(VIDEO, None, None, 0)
    timeline.place(each)
    assert each.dts is None and each.pts is None

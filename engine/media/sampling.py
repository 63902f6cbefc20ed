"""Which frames of a source are taken, and when they are shown: pure logic on timestamps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from math import floor
from typing import Generic, TypeVar

from .types import Trim

Item = TypeVar("Item")

# Matroska rounds timestamps to milliseconds, so a frame at 1/3 s says 0.333.
_ROUNDING = Fraction(1, 1500)


@dataclass(frozen=True)
class Timed(Generic[Item]):
    """Something shown from ``time`` (seconds since the source's first frame) for ``duration`` seconds."""

    time: Fraction
    duration: Fraction
    item: Item


def exact_rate(fps: float) -> Fraction:
    """The frame rate that a number means: 23.976 and 29.97 are n*1000/1001, others as written."""
    ntsc = Fraction(round(fps) * 1000, 1001)
    if ntsc and abs(fps - ntsc) < 0.005 and fps != round(fps):
        return ntsc
    return Fraction(fps).limit_denominator(1000)


def sample(source: Iterable[Timed[Item]], trim: Trim) -> Iterator[tuple[Fraction, Item]]:
    """Choose frames in the order: cut, resample, every nth.

    Args:
        source: in the order of time; may begin before ``trim.start`` (a decoder seeks to a keyframe).
        trim: what to take.

    Yields:
        (seconds since ``trim.start``, item); an item repeats where resampling needs it twice.
    """
    chosen = _resample(source, trim) if trim.fps else _cut(source, trim)
    return islice(chosen, 0, None, max(1, trim.every_nth))


def count_samples(frames: int, rate: Fraction, trim: Trim) -> int:
    """How many frames ``sample`` takes of ``frames`` at a constant ``rate``."""
    if trim == Trim():
        return frames
    step = 1 / rate
    return sum(1 for _ in sample((Timed(index * step, step, None) for index in range(frames)), trim))


def sampled_rate(rate: Fraction, trim: Trim) -> Fraction:
    """Average frames a second after sampling a source that has ``rate``."""
    return (exact_rate(trim.fps) if trim.fps else rate) / max(1, trim.every_nth)


def seconds(value: float) -> Fraction:
    """A widget's seconds as an exact number of microseconds."""
    return Fraction(round(value * 1_000_000), 1_000_000)


def _cut(source: Iterable[Timed[Item]], trim: Trim) -> Iterator[tuple[Fraction, Item]]:
    start = seconds(trim.start)
    end = start + seconds(trim.duration)
    for timed in source:
        if trim.duration and timed.time >= end - _ROUNDING:
            return
        if timed.time >= start - _ROUNDING:
            yield max(timed.time - start, Fraction(0)), timed.item


def _resample(source: Iterable[Timed[Item]], trim: Trim) -> Iterator[tuple[Fraction, Item]]:
    """Fill slots of 1/fps seconds: a frame owns those from its own (nearest) up to the next frame's."""
    fps = exact_rate(trim.fps)
    start = seconds(trim.start)
    slots = round(seconds(trim.duration) * fps)

    def slot_at(time: Fraction) -> int:
        slot = floor((time - start) * fps + Fraction(1, 2))
        return min(slot, slots) if trim.duration else slot

    held: Timed[Item] | None = None
    slot = 0
    given = False
    for timed in source:
        begin = slot_at(timed.time)
        while held is not None and slot < begin:
            yield slot / fps, held.item
            slot, given = slot + 1, True
        if trim.duration and begin >= slots:
            return
        slot = max(slot, begin)
        held = timed
    if held is None or held.time + held.duration <= start:
        return
    until = slot_at(held.time + held.duration)
    # A clip shorter than half a slot still has a frame to show.
    for index in range(slot, until if given else max(until, slot + 1)):
        yield index / fps, held.item

"""Frames on their way: what is bound to them is cut, padded and joined with them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from livestyle.engine.media.types import Frames

PIXELS = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3)
PTS = tuple(Fraction(number, 24) for number in range(10, 15))
FRAMES = Frames(PIXELS, 10, PTS, (0.1, 0.2, 0.3, 0.4, 0.5), 255 - PIXELS, chunk=3)


def test_a_part_keeps_what_belongs_to_its_frames():
    part = FRAMES[1:3]
    assert (len(part), part.index, part.chunk) == (2, 11, 3)
    assert (part.pts, part.captured_at) == (PTS[1:3], (0.2, 0.3))
    assert np.array_equal(part.pixels, PIXELS[1:3]) and np.array_equal(part.source, 255 - PIXELS[1:3])
    last = FRAMES[-1:]
    assert (len(last), last.index, last.pts) == (1, 14, PTS[4:])


def test_parts_join_to_the_whole():
    whole = Frames.join([FRAMES[:2], FRAMES[2:3], FRAMES[3:]])
    assert np.array_equal(whole.pixels, PIXELS) and np.array_equal(whole.source, FRAMES.source)
    # Without arrays: Python 3.13 compares fields by == alone, which arrays don't answer with a bool.
    assert replace(whole, pixels=None, source=None) == replace(FRAMES, pixels=None, source=None)


def test_padding_repeats_the_last_frame():
    padded = FRAMES.padded(8)
    assert np.array_equal(padded.pixels, np.concatenate([PIXELS, PIXELS[-1:], PIXELS[-1:], PIXELS[-1:]]))
    assert (padded.index, padded.pts) == (10, PTS + PTS[-1:] * 3)
    assert FRAMES.padded(5) is FRAMES and FRAMES.padded(2) is FRAMES


def test_undrawn_frames_count_and_have_no_pixels():
    frames = Frames.undrawn(10, PTS)
    assert len(frames) == 5 and not frames.drawn and FRAMES.drawn
    assert len(frames[1:]) == 4 and not frames[1:].drawn

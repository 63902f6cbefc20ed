"""Edges: chunks of any size in, of any size out, nothing lost."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from runtime_stubs import picture

from livestyle.engine.media.types import Frames
from livestyle.engine.runtime.edge import Edge


def chunk(start: int, count: int) -> Frames:
    pixels = np.stack([picture(number, 4, 4) for number in range(start, start + count)])
    pts = tuple(Fraction(number, 24) for number in range(start, start + count))
    return Frames(pixels, start, pts, (0.0,) * count, 255 - pixels)


@given(st.lists(st.integers(1, 7), max_size=12), st.lists(st.integers(1, 9), max_size=30))
def test_frames_leave_in_order_and_complete(pushes: list[int], takes: list[int]):
    edge = Edge(capacity=10)
    pushed = 0
    taken: list[Frames] = []
    for count in pushes:
        edge.push(chunk(pushed, count))
        pushed += count
    for count in takes:
        if count <= len(edge):
            taken.append(edge.take(count))
            assert len(taken[-1]) == count
    assert len(edge) == pushed - sum(len(part) for part in taken)
    if not taken:
        return
    whole, expected = Frames.join(taken), chunk(0, sum(len(part) for part in taken))
    assert (whole.index, whole.pts, whole.captured_at) == (expected.index, expected.pts, expected.captured_at)
    assert np.array_equal(whole.pixels, expected.pixels)
    assert np.array_equal(whole.source, expected.source)


def test_a_chunk_of_the_right_size_is_not_copied():
    edge, given_chunk = Edge(4), chunk(0, 4)
    edge.push(given_chunk)
    assert edge.take(4) is given_chunk


def test_split_frames_share_memory_and_stay_contiguous():
    edge, given_chunk = Edge(8), chunk(0, 8)
    edge.push(given_chunk)
    part = edge.take(3)
    assert np.shares_memory(part.pixels, given_chunk.pixels)
    assert part.pixels.flags.c_contiguous


def test_room_ends_at_the_capacity():
    edge = Edge(6)
    edge.push(chunk(0, 4))
    assert edge.room
    edge.push(chunk(4, 4))
    assert not edge.room
    edge.take(2)
    assert not edge.room
    edge.take(1)
    assert edge.room


def test_exhausted_means_ended_and_empty():
    edge = Edge(4)
    edge.push(chunk(0, 2))
    edge.ended = True
    assert not edge.exhausted
    edge.take(2)
    assert edge.exhausted

"""A live source at its natural end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from livestyle.engine.media.live.capture import Capture, CapturedFrame
from livestyle.engine.media.live.live_source import LiveSource
from livestyle.engine.media.resize import Picture


class OnePicture(Capture):
    """Gives a picture, and ends when it is told to."""

    name = "One picture"
    finite = True

    def __init__(self) -> None:
        self.may_end = threading.Event()

    def open(self) -> None:
        pass

    def pictures(self) -> Iterator[CapturedFrame | None]:
        frame = av.VideoFrame.from_ndarray(np.full((16, 24, 3), 200, np.uint8), format="rgb24")
        yield CapturedFrame(Picture(frame), Fraction(0), 0.0)
        self.may_end.wait(10)

    def close(self) -> None:
        pass

    def interrupt(self) -> None:
        self.may_end.set()


class EndsUnseen:
    """A loop that is not over when ``read`` asks first, and over when it asks again."""

    def __init__(self, loop: object) -> None:
        self._loop, self._asked = loop, 0

    @property
    def over(self) -> bool:
        self._asked += 1
        return self._asked > 1

    def __getattr__(self, name: str) -> object:
        return getattr(self._loop, name)


def test_an_end_between_two_looks_is_an_end() -> None:
    capture = OnePicture()
    source = LiveSource(capture, "latest", opening=5.0)
    source.connect(lambda: False)
    assert source.read(1) is not None
    source.loop = EndsUnseen(source.loop)
    assert source.read(1) is None
    source.close()


def test_the_end_of_a_capture_is_the_end_of_the_source() -> None:
    capture = OnePicture()
    source = LiveSource(capture, "latest", opening=5.0)
    source.connect(lambda: False)
    frames = source.read(1)
    assert frames is not None and frames.pixels.min() > 190
    capture.may_end.set()
    while (frames := source.read(1)) is not None:
        assert len(frames.pts) == 1
    assert source.status().state == "ended"
    source.close()

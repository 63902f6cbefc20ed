"""The inlet: credit, bounds, damage, and what is said while nothing comes."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from livestyle.engine.errors import MediaError
from livestyle.engine.media.live.frame_inbox import CREDIT, LARGEST, Inlet
from livestyle.engine.media.live.live_source import LiveSource
from livestyle.engine.media.live.pushed import PushedCapture, decode_picture


def jpeg(value: int, size: tuple[int, int] = (64, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (value, 100, 50)).save(file, "JPEG", quality=95)
    return file.getvalue()


def opened(inlet: Inlet, opening: float = 5.0) -> LiveSource:
    source = LiveSource(PushedCapture("The page", inlet), "latest", opening=opening)
    deadline = time.monotonic() + 5
    while not inlet.wanted and time.monotonic() < deadline:
        time.sleep(0.005)
    return source


def test_pictures_go_in_and_frames_come_out() -> None:
    inlet, credits = Inlet("camera"), threading.Semaphore(0)
    assert not inlet.push(jpeg(1))  # nobody has it open
    source = opened(inlet)
    inlet.listen(lambda count: [credits.release() for _ in range(count)])
    born = time.monotonic() - 0.25
    for value in (10, 90, 200):
        assert credits.acquire(timeout=5)
        assert inlet.push(jpeg(value), pts=value / 100, born=born)
    source.connect(lambda: False)
    assert (source.info.width, source.info.height) == (64, 48)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        frames = source.read(1)
        assert frames is not None
        if abs(int(frames.pixels[0, 0, 0, 0]) - 200) < 5 and frames.born == (born,):
            break
    assert abs(int(frames.pixels[0, 0, 0, 0]) - 200) < 5
    inlet.pause("the tab is hidden")
    deadline = time.monotonic() + 5
    while source.status().state != "paused" and time.monotonic() < deadline:
        source.read(1)
    assert "the tab is hidden" in source.status().note
    source.close()
    assert not inlet.wanted and not inlet.push(jpeg(1))


def test_without_credit_nothing_is_queued() -> None:
    inlet = Inlet("camera")
    inlet.open()
    assert not inlet.push(jpeg(1))  # no one listens for credit
    given_credit: list[int] = []
    inlet.listen(given_credit.append)
    assert given_credit == [CREDIT]
    assert [inlet.push(jpeg(1)) for _ in range(5)] == [True] * CREDIT + [False] * (5 - CREDIT)
    assert inlet.take(0) is not None and given_credit == [CREDIT, 1]
    assert inlet.push(jpeg(2))


def test_a_reloaded_page_takes_over() -> None:
    inlet, first, second = Inlet("screen"), [], []
    inlet.open()
    leave_first = inlet.listen(first.append)
    inlet.push(jpeg(1))
    inlet.listen(second.append)
    leave_first()  # comes late; the new page stays
    assert second == [CREDIT - 1]
    inlet.take(0)
    assert second == [CREDIT - 1, 1] and first == [CREDIT]


def test_too_large_is_refused() -> None:
    inlet = Inlet("camera")
    inlet.open()
    inlet.listen(lambda count: None)
    assert not inlet.push(b"\xff" * (LARGEST + 1))
    assert inlet.push(b"\xff" * 10)


def test_damage_is_counted_and_costs_no_credit() -> None:
    inlet = Inlet("camera")
    source = opened(inlet)
    credit: list[int] = []
    inlet.listen(credit.append)
    inlet.push(b"not a picture")
    inlet.push(jpeg(7))
    source.connect(lambda: False)
    assert source.status().damaged == 1
    assert sum(credit) >= CREDIT + 2
    source.close()


def test_a_size_that_changes_is_followed() -> None:
    inlet = Inlet("screen")
    source = opened(inlet)
    inlet.listen(lambda count: None)
    inlet.push(jpeg(50))
    source.connect(lambda: False)
    source.read(1)
    inlet.push(jpeg(220, (40, 90)))
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        frames = source.read(1)
        assert frames is not None and frames.pixels.shape == (1, 48, 64, 3)
        if frames.pixels[0, 24, 32, 0] > 200:
            break
    assert frames.pixels[0, 24, 32, 0] > 200
    source.close()


def test_a_page_that_never_sends_is_said() -> None:
    source = opened(Inlet("camera"), opening=0.3)
    with pytest.raises(MediaError, match="gave no picture"):
        source.connect(lambda: False)
    source.close()


def test_a_small_file_that_claims_to_be_huge_is_refused() -> None:
    file = io.BytesIO()
    Image.new("L", (9000, 10)).save(file, "PNG")
    with pytest.raises(ValueError, match="too large"):
        decode_picture(file.getvalue())


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: jpeg(3)[:300] + tail))
def test_no_bytes_bring_it_down(data: bytes) -> None:
    try:
        assert decode_picture(data).dtype == np.uint8
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        pass

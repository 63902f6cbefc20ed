"""The inbox: credit, bounds, damage, and what is said while nothing comes."""

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
from livestyle.engine.media.live.frame_inbox import CREDIT, LARGEST, FrameInbox
from livestyle.engine.media.live.live_source import LiveSource
from livestyle.engine.media.live.pushed import PushedCapture, decode_picture


def jpeg(value: int, size: tuple[int, int] = (64, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (value, 100, 50)).save(file, "JPEG", quality=95)
    return file.getvalue()


def opened(inbox: FrameInbox, opening: float = 5.0) -> LiveSource:
    source = LiveSource(PushedCapture("The page", inbox), "latest", opening=opening)
    deadline = time.monotonic() + 5
    while not inbox.wanted and time.monotonic() < deadline:
        time.sleep(0.005)
    return source


def test_pictures_go_in_and_frames_come_out() -> None:
    inbox, credits = FrameInbox("camera"), threading.Semaphore(0)
    assert not inbox.push(jpeg(1))  # nobody has it open
    source = opened(inbox)
    inbox.listen(lambda count: [credits.release() for _ in range(count)])
    captured_at = time.monotonic() - 0.25
    for value in (10, 90, 200):
        assert credits.acquire(timeout=5)
        assert inbox.push(jpeg(value), pts=value / 100, captured_at=captured_at)
    source.connect(lambda: False)
    assert (source.info.width, source.info.height) == (64, 48)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        frames = source.read(1)
        assert frames is not None
        if abs(int(frames.pixels[0, 0, 0, 0]) - 200) < 5 and frames.captured_at == (captured_at,):
            break
    assert abs(int(frames.pixels[0, 0, 0, 0]) - 200) < 5
    inbox.pause("the tab is hidden")
    deadline = time.monotonic() + 5
    while source.status().state != "paused" and time.monotonic() < deadline:
        source.read(1)
    assert "the tab is hidden" in source.status().note
    source.close()
    assert not inbox.wanted and not inbox.push(jpeg(1))


def test_without_credit_nothing_is_queued() -> None:
    inbox = FrameInbox("camera")
    inbox.open()
    assert not inbox.push(jpeg(1))  # no one listens for credit
    given_credit: list[int] = []
    inbox.listen(given_credit.append)
    assert given_credit == [CREDIT]
    assert [inbox.push(jpeg(1)) for _ in range(5)] == [True] * CREDIT + [False] * (5 - CREDIT)
    assert inbox.take(0) is not None and given_credit == [CREDIT, 1]
    assert inbox.push(jpeg(2))


def test_a_reloaded_page_takes_over() -> None:
    inbox, first, second = FrameInbox("screen"), [], []
    inbox.open()
    leave_first = inbox.listen(first.append)
    inbox.push(jpeg(1))
    inbox.listen(second.append)
    leave_first()  # comes late; the new page stays
    assert second == [CREDIT - 1]
    inbox.take(0)
    assert second == [CREDIT - 1, 1] and first == [CREDIT]


def test_too_large_is_refused() -> None:
    inbox = FrameInbox("camera")
    inbox.open()
    inbox.listen(lambda count: None)
    assert not inbox.push(b"\xff" * (LARGEST + 1))
    assert inbox.push(b"\xff" * 10)


def test_damage_is_counted_and_costs_no_credit() -> None:
    inbox = FrameInbox("camera")
    source = opened(inbox)
    credit: list[int] = []
    inbox.listen(credit.append)
    inbox.push(b"not a picture")
    inbox.push(jpeg(7))
    source.connect(lambda: False)
    assert source.status().damaged == 1
    assert sum(credit) >= CREDIT + 2
    source.close()


def test_a_size_that_changes_is_followed() -> None:
    inbox = FrameInbox("screen")
    source = opened(inbox)
    inbox.listen(lambda count: None)
    inbox.push(jpeg(50))
    source.connect(lambda: False)
    source.read(1)
    inbox.push(jpeg(220, (40, 90)))
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        frames = source.read(1)
        assert frames is not None and frames.pixels.shape == (1, 48, 64, 3)
        if frames.pixels[0, 24, 32, 0] > 200:
            break
    assert frames.pixels[0, 24, 32, 0] > 200
    source.close()


def test_a_page_that_never_sends_is_said() -> None:
    source = opened(FrameInbox("camera"), opening=0.3)
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

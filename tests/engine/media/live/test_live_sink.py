"""Live targets against real receivers, and without one."""

from __future__ import annotations

import subprocess
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from stream_servers import await_socket, ffmpeg, frames_in, free_port

from livestyle.engine.errors import MediaError, SettingError
from livestyle.engine.media.live.extras import EXTRAS, extra
from livestyle.engine.media.live.live_sink import AHEAD_S, QUEUE
from livestyle.engine.media.live.sink_spec import LiveSinkSpec
from livestyle.engine.media.types import Frames, FrameSink

FPS = Fraction(25)
PATIENCE_S = 60.0
TRIES = 3
"""A machine that is busy with other things may stand still once; what is held up always is."""


def send(sink: FrameSink, count: int, first: int = 0) -> None:
    for index in range(first, first + count):
        pixels = np.full((1, 120, 160, 3), (index * 5 % 255, 80, 160), np.uint8)
        sink.write(Frames(pixels, index, (index / FPS,)))


def opened(url: str, keep_last: int = 0) -> FrameSink:
    return LiveSinkSpec("network", url, allow_private=True, keep_last=keep_last).open(160, 120, FPS, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "receiver"),
    [
        ("rtmp://127.0.0.1:{}/live/key", ("-listen", "1", "-i", "{}")),
        ("rtsp://127.0.0.1:{}/key", ("-rtsp_flags", "listen", "-i", "{}")),
        ("udp://127.0.0.1:{}", ("-i", "{}?timeout=2000000")),
        ("srt://127.0.0.1:{}", ("-i", "{}?mode=listener")),
    ],
)
def test_a_real_receiver_gets_the_pictures(target: str, receiver: tuple[str, ...], tmp_path: Path) -> None:
    url, file = target.format(free_port()), tmp_path / "got.mkv"
    with ffmpeg(*(part.format(url) for part in receiver), "-c", "copy", str(file)) as process:
        await_socket(process)
        sink = opened(url)
        deadline = time.monotonic() + PATIENCE_S
        count = 0
        while time.monotonic() < deadline and (count < 75 or sink.status().frames < 50):
            send(sink, 5, first=count)
            count += 5
        assert sink.status().state == "sending"
        sink.close()
        try:
            process.wait(4)
        except subprocess.TimeoutExpired:
            process.terminate()  # ends its file in order
            process.wait(PATIENCE_S)
    codec, width, height, frames = frames_in(file)
    assert (codec, width, height) == ("h264", 160, 120)
    assert frames >= 20


@pytest.mark.slow
def test_a_receiver_that_dies_and_returns(tmp_path: Path) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/key"
    receive = ("-listen", "1", "-i", url, "-c", "copy")
    sink, count = opened(url), 0

    def send_until(state: str) -> None:
        nonlocal count
        deadline = time.monotonic() + PATIENCE_S
        while sink.status().state != state and time.monotonic() < deadline:
            send(sink, 5, first=count)
            count += 5
        assert sink.status().state == state

    send_until("connecting")
    with ffmpeg(*receive, str(tmp_path / "1.mkv")):
        send_until("sending")
        send(sink, 25, first=count)
        count += 25
    send_until("connecting")
    assert "connect" in sink.status().note or "lost" in sink.status().note or sink.status().note
    with ffmpeg(*receive, str(tmp_path / "2.mkv")):
        send_until("sending")
    sink.close()


def test_nobody_there_holds_nothing_up() -> None:
    sink = opened(f"rtmp://127.0.0.1:{free_port()}/live/key", keep_last=3)
    took = []
    for first in range(0, 50 * TRIES, 50):
        began = time.monotonic()
        send(sink, 50, first)
        took.append(time.monotonic() - began)
        if took[-1] < 50 / 25 + 2:  # no longer than the frames play
            break
    assert took[-1] < 50 / 25 + 2
    status = sink.status()
    assert status.state == "connecting" and "refused" in status.note
    assert status.dropped >= 50 - QUEUE
    result = sink.close()
    assert result.path is None and result.frames == 50 * len(took)
    assert result.tail is not None and len(result.tail) == 3


def test_a_stream_from_a_file_is_held_back_to_real_time() -> None:
    sink = opened(f"udp://127.0.0.1:{free_port()}")
    began = time.monotonic()
    send(sink, 25)
    assert time.monotonic() - began >= 24 / 25 - AHEAD_S - 0.05
    sink.abort()


def test_a_forbidden_address_ends_the_session() -> None:
    sink = LiveSinkSpec("network", "rtmp://127.0.0.1/live/key").open(160, 120, FPS, None)
    with pytest.raises(SettingError, match="allow_private"):
        for index in range(100):
            send(sink, 1, first=index)
    sink.abort()


@pytest.mark.parametrize(("module", "package"), [(name, each[1]) for name, each in sorted(EXTRAS.items())])
def test_an_extra_that_is_missing_says_how_to_install_it(module: str, package: str) -> None:
    with pytest.raises(MediaError, match=f"pip install {package}'") as caught:
        extra(f"{module}.a_part_that_no_version_has")
    assert "\n" not in str(caught.value)

"""HLS lists that lead nowhere, nowhere else, or everywhere: bounded in depth, count, bytes and time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest
from hls_traps import TrapServer, traps

from livestyle.engine.errors import LiveStyleError
from livestyle.engine.media.live.addresses import parse_url
from livestyle.engine.media.live.live_source import LiveSource
from livestyle.engine.media.live.network import NetworkCapture

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0

QUIET_S = 5.0
"""After Cancel nothing is asked for and no thread is there for so long."""

CANCEL_S = 2.0

ON_ITS_WAY_S = 0.5
"""A request that was sent just before Cancel is noted by a busy server a little later."""


@dataclass(frozen=True)
class Right:
    """What is right: what the line says, or an empty one where it plays; and the most requests."""

    word: str
    requests: int


ATTACKS = {
    "film": Right("", 2),
    "itself": Right("list to list", 2),
    "ping": Right("list to list", 2),
    "variants": Right("", 3),
    "dead_variants": Right("404", 2),
    "sound_first": Right("", 3),
    "never_grows": Right("", 12),
    "slow_to_grow": Right("", 4),
    "empty": Right("in time", 25),
    "many_pieces": Right("pieces", 1),
    "drip": Right("in time", 1),
    "flood": Right("4 MB", 1),
    "aes": Right("encrypted (AES-128)", 1),
    "sample_aes": Right("encrypted (SAMPLE-AES)", 1),
    "ranges": Right("answers 200", 2),
    "number": Right("", 3),
    "no_address": Right("can't be read", 1),
}


@pytest.fixture(scope="module")
def server() -> Iterator[TrapServer]:
    with traps() as running:
        yield running


def _source(server: TrapServer, path: str) -> LiveSource:
    url = parse_url(f"{server.url}/{path}.m3u8")
    return LiveSource(NetworkCapture(url, allow_private=True), "latest", opening=PATIENCE_S)


def _capture_threads() -> int:
    return sum(thread.name == "livestyle-capture" for thread in threading.enumerate())


@pytest.mark.parametrize("path", ATTACKS)
def test_a_list(server: TrapServer, path: str) -> None:
    right, before = ATTACKS[path], len(server.asked)
    memory = psutil.Process().memory_info().rss
    source = _source(server, path)
    try:
        if right.word:
            with pytest.raises(LiveStyleError) as refused:
                source.connect(lambda: False)
            assert right.word in str(refused.value)
            assert "\n" not in str(refused.value) and len(str(refused.value)) < 250
        else:
            source.connect(lambda: False)
            frames = source.read(5)
            assert frames is not None and frames.pixels.shape[1:] == (120, 160, 3)
            if path == "never_grows":
                time.sleep(3)
        assert len(server.asked) - before <= right.requests
    finally:
        begun = time.monotonic()
        source.close()
    assert time.monotonic() - begun < CANCEL_S
    assert not _capture_threads()
    assert psutil.Process().memory_info().rss - memory < 200e6


@pytest.mark.parametrize("path", ["itself", "never_grows", "empty", "drip"])
@pytest.mark.parametrize("after", [0.0, 1.5])
def test_after_cancel_nothing_is_asked_for(server: TrapServer, path: str, after: float) -> None:
    source = _source(server, path)
    time.sleep(after)
    source.close()
    cancelled = time.monotonic()
    assert not _capture_threads()
    time.sleep(QUIET_S if after else 1.0)
    assert all(moment < cancelled + ON_ITS_WAY_S for moment in server.asked)


def test_a_stream_that_goes_on_after_a_pause_is_not_played_twice(server: TrapServer) -> None:
    """A list without anything new is opened again; its old pieces are not."""
    first = NetworkCapture(parse_url(f"{server.url}/never_grows.m3u8"), allow_private=True)
    first.open()
    next(picture for picture in first.pictures() if picture)
    first.close()
    before = len(server.asked)
    threading.Timer(2.0, first.interrupt).start()
    with pytest.raises(LiveStyleError):
        first.open()
    first.close()
    assert len(server.asked) - before < 6


@pytest.mark.parametrize("host", ["a..b", ".a", "a..", "x" * 64, "b." + "x" * 70 + ".c"])
@pytest.mark.parametrize("scheme", ["rtsp", "rtmp", "http", "srt"])
def test_a_name_that_no_host_can_have(scheme: str, host: str) -> None:
    with pytest.raises(LiveStyleError, match="can't be the name of a host"):
        parse_url(f"{scheme}://{host}:99/")

"""Network sources against real ffmpeg processes: start, kill, restart, silence, other codecs and sizes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from media_clips import with_latin_title
from stream_servers import RtspServer, await_socket, ffmpeg, free_port, publisher
from what_is_held import ThreadsSince

from livestyle.engine.errors import MediaError
from livestyle.engine.media.live.addresses import parse_url
from livestyle.engine.media.live.live_source import LiveSource
from livestyle.engine.media.live.network import NetworkCapture
from livestyle.engine.media.types import Frames

pytestmark = pytest.mark.slow

BACK_S = 3.0
"""How soon the picture is back after the server is."""

TRIES = 2
"""A machine that is busy with other things may be late once; a source that connects too seldom always is."""

PATIENCE_S = 60.0

Publish = Callable[[], AbstractContextManager[subprocess.Popen[bytes]]]


@contextlib.contextmanager
def watching(url: str, patience: float = 0.0) -> Iterator[LiveSource]:
    """An opened source; ``patience`` seconds for a server that is only just starting."""
    threads, until = ThreadsSince(), time.monotonic() + patience
    while True:
        source = LiveSource(NetworkCapture(parse_url(url), allow_private=True), "latest", opening=60)
        try:
            source.connect(lambda: False)
            yield source
            break
        except MediaError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        finally:
            before = time.monotonic()
            source.close()
            assert time.monotonic() - before < 6
    assert threads.named("livestyle-capture") == []


def read_until(source: LiveSource, reached: Callable[[Frames], bool]) -> Frames:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        frames = source.read(2)
        assert frames is not None
        if reached(frames):
            return frames
    raise AssertionError(f"it never came: {source.status()}")


def moving(source: LiveSource) -> Callable[[Frames], bool]:
    return lambda _: source.status().state == "playing"


def lost(source: LiveSource) -> bool:
    """Whether the connection is gone and everything that came over it is taken."""
    return source.status().state == "reconnecting" and not source.status().queue


def udp(port: int) -> tuple[str, Publish]:
    url = f"udp://127.0.0.1:{port}"
    return url, lambda: publisher("-f", "mpegts", f"{url}?pkt_size=1316")


def rtmp(port: int) -> tuple[str, Publish]:
    url = f"rtmp://127.0.0.1:{port}/live/stream"
    return url, lambda: publisher("-f", "flv", "-listen", "1", url)


def http(port: int) -> tuple[str, Publish]:
    url = f"http://127.0.0.1:{port}/live.ts"
    return url, lambda: publisher("-f", "mpegts", "-listen", "1", url)


def srt(port: int) -> tuple[str, Publish]:
    url = f"srt://127.0.0.1:{port}"
    return url, lambda: publisher("-f", "mpegts", f"{url}?mode=listener")


def rtsp(port: int) -> tuple[str, Publish]:
    @contextlib.contextmanager
    def publish() -> Iterator[subprocess.Popen[bytes]]:
        server = RtspServer(port)
        try:
            with publisher("-f", "rtsp", "-rtsp_transport", "tcp", server.url) as process:
                yield process
        finally:
            server.close()

    return f"rtsp://127.0.0.1:{port}/stream", publish


@pytest.mark.parametrize("protocol", [udp, rtmp, http, srt, rtsp])
def test_a_server_that_dies_and_returns(protocol: Callable[[int], tuple[str, Publish]]) -> None:
    url, publish = protocol(free_port())
    with contextlib.ExitStack() as serving:
        serving.enter_context(publish())
        with watching(url, PATIENCE_S) as source:
            assert (source.info.width, source.info.height) == (160, 120)
            assert source.info.endless
            read_until(source, moving(source))
            for attempt in range(1, TRIES + 1):
                serving.close()
                held = read_until(source, lambda _: lost(source))
                again = source.read(2)
                assert again is not None and np.array_equal(again.pixels[-1], held.pixels[-1])
                assert "Holding the last picture" in source.status().note
                there = when_there(serving.enter_context(publish()))
                back = read_until(source, moving(source))
                seconds = time.monotonic() - there.result(timeout=1)
                print(f"{url.partition(':')[0]}: back {seconds:.2f} s after the server")
                assert back.pts[0] > held.pts[-1]
                assert source.status().reconnects >= attempt and not source.status().note
                if seconds < BACK_S:
                    break
            assert seconds < BACK_S


def when_there(server: subprocess.Popen[bytes]) -> Future[float]:
    """``time.monotonic()`` at which a process opened its first socket: until then ffmpeg itself starts."""
    watcher = ThreadPoolExecutor(1)
    seen = watcher.submit(await_socket, server)
    watcher.shutdown(wait=False)
    return seen


def test_a_silent_server_is_held_and_comes_back() -> None:
    url, publish = http(free_port())
    with publish() as process:
        with watching(url, PATIENCE_S) as source:
            read_until(source, moving(source))
            process.send_signal(signal.SIGSTOP)
            frames = read_until(source, lambda _: source.status().state != "playing")
            assert (frames.pixels[0] == frames.pixels[1]).all()
            assert source.status().note and source.status().held > 0
            process.send_signal(signal.SIGCONT)


def test_another_size_and_codec_in_the_middle() -> None:
    port = free_port()
    url = f"udp://127.0.0.1:{port}"
    target = ("-f", "mpegts", f"{url}?pkt_size=1316")
    with contextlib.ExitStack() as first:
        first.enter_context(publisher(*target))
        with watching(url, PATIENCE_S) as source:
            source.start(96, 64, "crop")
            read_until(source, moving(source))
            first.close()
            read_until(source, lambda _: source.status().state == "reconnecting")
            with publisher(*target, picture="testsrc=size=320x200:rate=30", codec="mpeg2video"):
                frames = read_until(source, moving(source))
                assert frames.pixels.shape[1:] == (64, 96, 3)
                assert frames.pixels.std() > 10


def test_what_has_no_picture_is_said_in_one_line() -> None:
    port = free_port()
    url = f"udp://127.0.0.1:{port}"
    tone = ("-re", "-f", "lavfi", "-i", "sine", "-c:a", "aac", "-f", "mpegts", url)
    with ffmpeg(*tone), pytest.raises(MediaError, match="no picture"), watching(url):
        pass


def test_srt_carries_mpeg_ts_and_nothing_that_could_lead_elsewhere() -> None:
    url = f"srt://127.0.0.1:{free_port()}"
    with publisher("-f", "matroska", f"{url}?mode=listener") as server:
        await_socket(server)
        with pytest.raises(MediaError), watching(url):
            pass


@pytest.mark.parametrize("url", ["rtmp://127.0.0.1:{}/a/b", "rtsp://127.0.0.1:{}/a", "http://127.0.0.1:{}/a"])
def test_nobody_there(url: str) -> None:
    with pytest.raises(MediaError, match="refused"), watching(url.format(free_port())):
        pass


def test_giving_up_ends_the_wait_at_once() -> None:
    source = LiveSource(
        NetworkCapture(parse_url(f"udp://127.0.0.1:{free_port()}"), True), "latest", opening=60
    )
    started = time.monotonic()
    with pytest.raises(MediaError):
        source.connect(lambda: time.monotonic() - started > 0.2)
    assert time.monotonic() - started < 2
    source.close()


@pytest.fixture
def hls(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.startswith("/elsewhere"):
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/latest/meta-data")
                self.end_headers()
            else:
                super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path
    server.shutdown()
    server.server_close()


def test_hls_plays_at_its_own_pace(hls: tuple[str, Path]) -> None:
    address, folder = hls
    with publisher("-f", "hls", "-hls_time", "1", "-hls_list_size", "4", str(folder / "s.m3u8")):
        deadline = time.monotonic() + PATIENCE_S
        while not (folder / "s.m3u8").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with watching(f"{address}/s.m3u8", PATIENCE_S) as source:
            begun = time.monotonic()
            frames = [source.read(5) for _ in range(12)]
            assert time.monotonic() - begun > 1.5  # 60 frames at 25 a second, less what was there at first
            assert all(part is not None for part in frames)


def test_tags_that_are_no_utf8_do_not_matter(hls: tuple[str, Path]) -> None:
    address, folder = hls
    with_latin_title(folder / "clip.mkv")
    with watching(f"{address}/clip.mkv") as source:
        frames = source.read(1)
        assert frames is not None and len(frames) == 1


@pytest.mark.parametrize(
    "body",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://169.254.169.254/a.ts\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nelsewhere.ts\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://100.100.100.200/b.m3u8\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
    ],
)
def test_a_playlist_can_not_lead_elsewhere(hls: tuple[str, Path], body: str) -> None:
    address, folder = hls
    (folder / "evil.m3u8").write_text(body)
    with pytest.raises(Exception, match=r"metadata|opened|address|picture") as caught:
        with watching(f"{address}/evil.m3u8"):
            pass
    assert (
        isinstance(caught.value, MediaError)
        or "metadata" in str(caught.value)
        or "use one" in str(caught.value)
    )


def test_a_redirect_to_a_forbidden_address_is_refused(hls: tuple[str, Path]) -> None:
    with pytest.raises(Exception, match="metadata"), watching(f"{hls[0]}/elsewhere"):
        pass


@pytest.mark.parametrize(
    ("status", "first_body"),
    [
        ("RTSP/1.0 302 Moved", b""),
        ("RTSP/1.0  302 Moved", b""),
        ("RTSP/1.0\t302 Moved", b""),
        ("RTSP/2.0 302 Moved", b""),
        ("  RTSP/1.0 +302", b""),
        ("RT\rSP/1.0 3\r02", b""),
        ("RTSP/1.0 4294967598 Moved", b""),
        ("RTSP/1.0 302 Moved", b"x" * 70_000),
        ("$\x00\x00\x02\n\nRTSP/1.0 302 Moved", b"x" * 70_000),
    ],
)
def test_an_rtsp_redirect_is_refused(status: str, first_body: bytes) -> None:
    inside = RtspServer()
    server = RtspServer(redirect=inside.url, status=status, first_body=first_body)
    try:
        with pytest.raises(MediaError, match="elsewhere"), watching(server.url):
            pass
        assert not inside.clients
    finally:
        server.close()
        inside.close()

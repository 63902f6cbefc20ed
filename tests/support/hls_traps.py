"""An HTTP server whose HLS lists are traps, and what it was asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from stream_servers import ffmpeg

VARIANT = "#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=160x120\n"
SOUND = '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="mp4a.40.2"\n'
LIVE = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:1,\npiece.ts\n"
FILM = f"{LIVE}#EXT-X-ENDLIST\n"

LISTS = {
    "/film": FILM,
    "/itself": f"#EXTM3U\n{VARIANT}itself.m3u8\n",
    "/ping": f"#EXTM3U\n{VARIANT}pong.m3u8\n",
    "/pong": f"#EXTM3U\n{VARIANT}ping.m3u8\n",
    "/variants": "#EXTM3U\n" + "".join(f"{VARIANT}film.m3u8?{number}\n" for number in range(10_000)),
    "/dead_variants": "#EXTM3U\n" + "".join(f"{VARIANT}nowhere.m3u8?{number}\n" for number in range(10_000)),
    "/sound_first": f"#EXTM3U\n{SOUND}nowhere.m3u8\n{VARIANT}film.m3u8\n",
    "/never_grows": LIVE,
    "/slow_to_grow": LIVE.replace("DURATION:1", "DURATION:" + "9" * 400),
    "/empty": "#EXTM3U\n",
    "/many_pieces": "#EXTM3U\n" + "a\n" * 200_000,
    "/aes": LIVE.replace("#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF'),
    "/sample_aes": f'#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="k"\n{VARIANT}film.m3u8\n',
    "/ranges": FILM.replace("piece", f"#EXT-X-BYTERANGE:{2**60}@{2**60}\npiece"),
    "/number": LIVE.replace("SEQUENCE:7", "SEQUENCE:" + "7" * 5000) + "#EXT-X-ENDLIST\n",
    "/no_address": "#EXTM3U\n#EXTINF:1,\nhttp://[half/\n#EXT-X-ENDLIST\n",
}


@lru_cache(maxsize=1)
def _piece() -> bytes:
    """A second of MPEG-TS."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "piece.ts"
        picture = "testsrc=size=160x120:rate=25:duration=1"
        with ffmpeg("-f", "lavfi", "-i", picture, "-c:v", "libx264", "-threads", "1", str(path)) as process:
            process.wait(60)
        return path.read_bytes()


class TrapServer:
    """Counts what it is asked for.

    Attributes:
        url: to which a path is added.
        asked: the moment of each request.
    """

    def __init__(self) -> None:
        self.asked: list[float] = []
        _piece()
        trap = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                trap.asked.append(time.monotonic())
                path = self.path.partition("?")[0].removesuffix(".m3u8")
                try:
                    if path in ("/drip", "/flood"):
                        self._without_end(path == "/drip")
                    else:
                        body = _piece() if path == "/piece.ts" else LISTS.get(path, "").encode()
                        self.send_response(200 if body else 404)
                        self.send_header("Content-Length", str(len(body)))
                        self.end_headers()
                        self.wfile.write(body)
                except OSError:
                    pass

            def _without_end(self, slowly: bool) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"#EXTM3U\n")
                while not trap.closed.is_set():
                    self.wfile.write(b"#" if slowly else b"# nothing\n" * 10_000)
                    self.wfile.flush()
                    if slowly:
                        trap.closed.wait(0.5)

        self.closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="traps", daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop answering."""
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def traps() -> Iterator[TrapServer]:
    """A running server."""
    server = TrapServer()
    try:
        yield server
    finally:
        server.close()

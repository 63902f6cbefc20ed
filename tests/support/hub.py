"""A model hub on this machine that answers as huggingface.co does, as far as a download needs it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = ".safetensors"


class Hub:
    """One repository.

    Attributes:
        files: content by name; ``served`` replaces what is sent, not what is listed.
        asked: requests of any kind.
        sent: names in the order they were asked for, with the first byte that was sent.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.served: dict[str, bytes] = {}
        self.sent: list[tuple[str, int]] = []
        self.asked = 0
        self.url = ""

    def listing(self) -> dict[str, Any]:
        """What ``/api/models/...`` answers."""
        return {
            "id": "someone/model",
            "sha": COMMIT,
            "siblings": [self._listed(name, data) for name, data in self.files.items()],
        }

    def _listed(self, name: str, data: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
        entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith(LARGE):
            sha = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"sha256": sha, "size": len(data), "pointerSize": 130}
        return entry

    def handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.asked += 1
                path = unquote(urlsplit(self.path).path)
                if path.startswith("/api/models/"):
                    return self._answer(200, json.dumps(hub.listing()).encode(), {})
                name = path.split(f"/resolve/{COMMIT}/")[-1]
                data = hub.served.get(name, hub.files.get(name))
                if data is None:
                    return self._answer(404, b"", {})
                start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
                hub.sent.append((name, start))
                span = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
                return self._answer(206 if start else 200, data[start:], span)

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent."""

        return Handler


@contextmanager
def running(files: dict[str, bytes]) -> Iterator[Hub]:
    """A hub with these files, at ``hub.url``."""
    hub = Hub(files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), hub.handler())
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

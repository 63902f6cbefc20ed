"""A door on loopback through which FFmpeg reaches one checked address, and nothing else.

RTSP and RTMP servers may redirect, and FFmpeg follows without asking. Here it only ever connects
to this door; the door ends the connection when the server tries to send it elsewhere.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading

from .http import connect

_PIECE = 64 * 1024
# A redirecting RTSP answer begins like this; an RTMP one names the property ``redirect``.
_REDIRECTS = re.compile(rb"RTSP/1\.\d 3\d\d|redirect")
_OVERLAP = 16
# Both are part of the first exchange, before pictures come.
_WATCHED = 64 * 1024


class Relay:
    """Carries one connection from 127.0.0.1 to one address.

    Args:
        address, port: where to, numeric.
        tls_host: encrypt towards there, for the certificate of this host.
        timeout: seconds to connect.

    Raises:
        OSError: no connection.
    """

    def __init__(self, address: str, port: int, tls_host: str, timeout: float) -> None:
        self._server = connect(address, port, timeout, tls_host)
        self._server.settimeout(None)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.redirected = False
        self._closing, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="livestyle-relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the connection; harmless when repeated."""
        with contextlib.suppress(OSError):
            self._wake.send(b"x")
            self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for end in (self._listener, self._server, self._wake, self._closing):
            end.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            ready, _, _ = select.select([self._listener, self._closing], [], [])
            if self._closing in ready:
                return
            client, _ = self._listener.accept()
            with client:
                self._forward(client)

    def _forward(self, client: socket.socket) -> None:
        head, seen = b"", 0
        while True:
            pending = getattr(self._server, "pending", int)()  # TLS may have decrypted more than was read
            ends = [client, self._server, self._closing]
            ready = [self._server] if pending else select.select(ends, [], [])[0]
            if self._closing in ready:
                return
            if client in ready:
                piece = client.recv(_PIECE)
                if not piece:
                    return
                self._server.sendall(piece)
            if self._server in ready:
                piece = self._server.recv(_PIECE)
                if not piece:
                    return
                if seen < _WATCHED and _REDIRECTS.search(head + piece):
                    self.redirected = True
                    return
                head, seen = (head + piece)[-_OVERLAP:], seen + len(piece)
                client.sendall(piece)

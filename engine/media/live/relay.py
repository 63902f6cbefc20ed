"""A door on loopback through which FFmpeg reaches one checked address, and nothing else.

RTSP servers may redirect while a stream is opened, and FFmpeg follows without asking. Here it only
ever connects to this door; the door ends the connection when the server tries to send it elsewhere.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading

from .http import connect

_PIECE = 64 * 1024
_LONGEST_LINE = 8 * 1024
"""More than FFmpeg reads of a line; a redirect can't be longer."""

_REDIRECTS = re.compile(
    # A status that is a number, as C reads one, and not plainly 1xx, 2xx, 4xx or 5xx. It counts wherever
    # it stands: FFmpeg's lines begin behind bodies and packets, whose lengths are the server's word.
    rb"RTSP/[^ \t\n]*[ \t]+(?=[^ \t\n]{4}|[^ \t\n]{1,3}[ \t\n])(?![1245]\d\d[ \t\n])[\v\f+-]*\d"
    rb"|\n(?i:location):"
    # The property of an RTMP answer; FFmpeg doesn't follow it, but says less clearly why it fails.
    rb"|redirect"
)


class RedirectSearch:
    """Looks for a redirect in what a server says, piece by piece."""

    def __init__(self) -> None:
        self._last = b""

    def finds(self, piece: bytes) -> bool:
        """Whether there is one in this piece, or across its border with those before."""
        said = self._last + piece.replace(b"\r", b"")  # FFmpeg drops these wherever they stand
        self._last = said[-_LONGEST_LINE:]
        return _REDIRECTS.search(said) is not None


class Relay:
    """Carries one connection from 127.0.0.1 to one address, and watches for redirects until ``trust``.

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
        self._search: RedirectSearch | None = RedirectSearch()
        self._closing, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="livestyle-relay", daemon=True)
        self._thread.start()

    def trust(self) -> None:
        """The stream is open, and redirects would not be followed any more: let pictures pass unread."""
        self._search = None

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
                search = self._search
                if search is not None and search.finds(piece):
                    self.redirected = True
                    return
                client.sendall(piece)

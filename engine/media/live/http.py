"""HTTP for streams: every host is looked up once, checked, and connected to by that very address.

FFmpeg would follow redirects and lists to wherever they lead. It reads through ``http_stream`` instead,
so each redirect, list and piece passes the same rules.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from collections.abc import Callable
from urllib.parse import unquote, urljoin, urlsplit

from ...errors import MediaError
from .addresses import StreamUrl, parse_url, resolve

_SCHEMES = ("http", "https")
_REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 5


class Body:
    """The body of an answer: not seekable, and at its end after a failure.

    Attributes:
        url: where it came from, after redirects.
    """

    def __init__(
        self, url: str, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> None:
        self.url = url
        self._connection = connection
        self._answer = answer

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, as soon as there are some; nothing at the end."""
        try:
            return self._answer.read1(size)
        except (OSError, http.client.HTTPException, ValueError):
            return b""

    def close(self) -> None:
        """Hang up."""
        self._answer.close()
        self._connection.close()


def fetch(
    url: str,
    allow_private: bool,
    timeout: float,
    span: tuple[int, int] | None = None,
    connected: Callable[[socket.socket], None] = lambda end: None,
) -> Body:
    """GET, following redirects.

    Args:
        url: http or https.
        allow_private: see ``resolve``.
        timeout: seconds to connect, and to wait for each piece of the answer.
        span: (first byte, how many) to ask for; None asks for everything.
        connected: told of each connection before it is used; who shuts it down ends all waiting.

    Raises:
        SettingError: the address, or where it is redirected to, is not allowed.
        OSError: no connection, or silence.
        MediaError: the server answers with an error.
    """
    for _ in range(MOST_REDIRECTS + 1):
        target = parse_url(url, _SCHEMES)
        connection = _connect(target, resolve(target, allow_private), timeout)
        try:
            connected(connection.sock)
            connection.request("GET", _path(url), headers=_headers(url, span))
            answer = connection.getresponse()
        except http.client.HTTPException as error:
            connection.close()
            raise OSError(f"no HTTP answer ({error})") from error
        except OSError:
            connection.close()
            raise
        location = answer.getheader("Location")
        if answer.status in _REDIRECTS and location:
            connection.close()
            url = urljoin(url, location)
            continue
        if answer.status != (206 if span else 200):
            connection.close()
            raise MediaError(f"{target.shown} answers {answer.status} {answer.reason}: check the address.")
        return Body(url, connection, answer)
    raise MediaError(f"{parse_url(url, _SCHEMES).shown} redirects in circles: check the address.")


def _connect(url: StreamUrl, address: str, timeout: float) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(url.host, url.port, timeout=timeout)
    connection.sock = connect(address, url.port, timeout, url.host if url.scheme == "https" else "")
    return connection


def connect(address: str, port: int, timeout: float, tls_host: str = "") -> socket.socket:
    """A TCP connection to a numeric address; with ``tls_host`` encrypted, its certificate checked."""
    plain = socket.create_connection((address, port), timeout)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls_host:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=tls_host)
    except OSError:
        plain.close()
        raise


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(url: str, span: tuple[int, int] | None) -> dict[str, str]:
    headers = {"User-Agent": "LiveStyle", "Accept": "*/*"}
    if span:
        headers["Range"] = f"bytes={span[0]}-{span[0] + span[1] - 1}"
    parts = urlsplit(url)
    if parts.username is not None:
        known = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(known.encode()).decode()}"
    return headers

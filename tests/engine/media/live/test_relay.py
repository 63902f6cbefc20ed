"""The relay passes bytes on both ways, ends cleanly, and stops a redirect."""

from __future__ import annotations

import socket
import threading

import pytest

from livestyle.engine.media.live.relay import Relay


def served(answer: bytes) -> tuple[socket.socket, threading.Thread]:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(100)
            client.sendall(answer)
            client.recv(100)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener, thread


def through(answer: bytes) -> tuple[bytes, bool]:
    listener, thread = served(answer)
    relay = Relay("127.0.0.1", listener.getsockname()[1], "", 5)
    try:
        with socket.create_connection(("127.0.0.1", relay.port), 5) as client:
            client.sendall(b"hello")
            return client.recv(len(answer)), relay.redirected
    finally:
        relay.close()
        listener.close()
        thread.join(5)


def test_bytes_pass() -> None:
    assert through(b"RTSP/1.0 200 OK\r\n\r\n") == (b"RTSP/1.0 200 OK\r\n\r\n", False)


@pytest.mark.parametrize(
    "answer", [b"RTSP/1.0 302 Moved\r\nLocation: rtsp://inside/\r\n\r\n", b"..redirect.."]
)
def test_a_redirect_ends_the_connection(answer: bytes) -> None:
    assert through(answer) == (b"", True)


def test_closing_leaves_no_thread_even_without_a_client() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    relay = Relay("127.0.0.1", listener.getsockname()[1], "", 5)
    relay.close()
    relay.close()
    listener.close()
    assert "livestyle-relay" not in [thread.name for thread in threading.enumerate()]


def test_nobody_there_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(OSError):
        Relay("127.0.0.1", port, "", 5)

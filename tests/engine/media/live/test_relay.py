"""The relay passes bytes on both ways, ends cleanly, and stops a redirect."""

from __future__ import annotations

import itertools
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from what_is_held import ThreadsSince

from livestyle.engine.media.live.relay import RedirectSearch, Relay


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


def through(answer: bytes, trusted: bool = False) -> tuple[bytes, bool]:
    listener, thread = served(answer)
    relay = Relay("127.0.0.1", listener.getsockname()[1], "", 5)
    if trusted:
        relay.trust()
    try:
        with socket.create_connection(("127.0.0.1", relay.port), 5) as client:
            client.sendall(b"hello")
            return client.recv(len(answer)), relay.redirected
    finally:
        relay.close()
        listener.close()
        thread.join(5)


MOVED = b"RTSP/1.0 302 Moved\r\nLocation: rtsp://inside/\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"RTSP/1.0 401 Unauthorized\r\n\r\n",
        b"RTSP/1.0 404 Not Found\r\n\r\n",
        b"RTSP/1.0 454\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nServer: An RTSP/1.0 camera\r\nPublic: REDIRECT\r\n\r\n",
    ],
)
def test_bytes_pass(answer: bytes) -> None:
    assert through(answer) == (answer, False)


@pytest.mark.parametrize(
    "answer", [MOVED, b"RTSP/1.0 200 OK\r\nlOCATION: rtsp://inside/\r\n", b"..redirect.."]
)
def test_a_redirect_ends_the_connection(answer: bytes) -> None:
    assert through(answer) == (b"", True)


def test_once_the_stream_is_open_anything_passes() -> None:
    assert through(MOVED, trusted=True) == (MOVED, False)


@given(st.lists(st.integers(1, len(MOVED)), max_size=8), st.binary(max_size=50))
def test_a_redirect_is_found_however_it_is_cut(cuts: list[int], before: bytes) -> None:
    search, said = RedirectSearch(), before + MOVED
    edges = [0, *sorted(cuts), len(said)]
    assert any([search.finds(said[start:end]) for start, end in itertools.pairwise(edges)])


@given(st.lists(st.sampled_from([200, 250, 401, 404, 454, 503]), max_size=8), st.integers(1, 40))
def test_other_answers_are_none_however_they_are_cut(statuses: list[int], size: int) -> None:
    search = RedirectSearch()
    said = b"".join(b"RTSP/1.0 %d\r\nCSeq: 3\r\n\r\n" % status for status in statuses)
    assert not any(search.finds(said[at : at + size]) for at in range(0, len(said), size))


def test_closing_leaves_no_thread_even_without_a_client() -> None:
    threads, listener = ThreadsSince(), socket.create_server(("127.0.0.1", 0))
    relay = Relay("127.0.0.1", listener.getsockname()[1], "", 5)
    relay.close()
    relay.close()
    listener.close()
    assert threads.named("livestyle-relay") == []


def test_nobody_there_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(OSError):
        Relay("127.0.0.1", port, "", 5)

"""What an HTTP address gives, as one file for FFmpeg: its body, or the pieces that an HLS list names.

FFmpeg's own HLS reads lists within lists without end and can't be interrupted. Here every wait ends
with ``interrupt``, at most two lists lead to a stream, and nothing is asked for before it is needed.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator

from ...errors import MediaError
from .addresses import StreamUrl
from .hls import MediaList, Piece, is_list, parse_list
from .http import Body, fetch

LONGEST_LIST = 4 * 1024 * 1024
"""Bytes of a list."""

FROM_END = 3
"""Pieces before the end at which a live stream is joined."""

RELOAD_S = (0.5, 5.0)
"""The least and the most between two looks at a list that grows."""

STALLED_S = 30.0
"""After so long without a new piece a live stream is lost."""

_READ = 64 * 1024


class HttpStream:
    """One thread opens and reads; ``interrupt`` may come from any.

    ``open`` and ``read`` raise SettingError where an address is not allowed, MediaError where the server
    answers with an error or with lists that lead nowhere, and OSError without a connection or in silence.

    Args:
        url: checked as text.
        allow_private: see ``addresses.resolve``.
        silence: seconds to connect, and to wait for each part of an answer.
        after: number of the last piece of an earlier connection, which is not played again.

    Attributes:
        deadline: ``time.monotonic()`` after which reading fails.
        in_pieces: whether it is HLS.
        finite: whether its list has an end.
        last: number of the last piece that was begun.
    """

    def __init__(self, url: StreamUrl, allow_private: bool, silence: float, after: int = -1) -> None:
        self._url = url.text
        self._name = url.shown
        self._allow_private = allow_private
        self._silence = silence
        self.deadline = math.inf
        self.last = after
        self.in_pieces = self.finite = False
        self._stopped = threading.Event()
        self._connection: socket.socket | None = None
        self._body: Body | None = None
        self._head = b""
        self._rest: Iterator[None] = iter(())

    def open(self) -> None:
        """Ask for the address, and for the stream that it leads to."""
        body = self._get(Piece(self._url))
        head = body.read(_READ)
        if not is_list(head):
            self._head = head
            return
        listed = self._parse(body, head)
        if isinstance(listed, str):
            listed = self._load(listed)
        self.in_pieces, self.finite = True, listed.ended
        self._rest = self._play(listed)

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; nothing at the end and after ``interrupt``."""
        while not self._stopped.is_set():
            self._check_time()
            data = self._head or (self._body.read(size) if self._body else b"")
            if data:
                self._head = data[size:]
                return data[:size]
            if next(self._rest, self) is self:
                break
        return b""

    def interrupt(self) -> None:
        """Give up waiting, and ask for nothing any more."""
        self._stopped.set()
        self._shut_down(self._connection)

    def close(self) -> None:
        """Hang up; harmless when repeated."""
        self._stopped.set()
        if self._body is not None:
            self._body.close()

    def _play(self, listed: MediaList) -> Iterator[None]:
        """Begin one piece after the other; those that have fallen out of a live list are left out."""
        set_up: Piece | None = None
        number = listed.first if listed.ended else max(listed.first, _end(listed) - FROM_END)
        number = max(number, self.last + 1) if self.last < _end(listed) else number
        new_at = time.monotonic()
        while True:
            while number < _end(listed):
                number = max(number, listed.first)
                piece = listed.pieces[number - listed.first]
                self.last, number, new_at = number, number + 1, time.monotonic()
                with contextlib.suppress(*(() if listed.ended else (MediaError, OSError))):
                    if piece.set_up != set_up and piece.set_up is not None:
                        self._get(piece.set_up)
                        yield
                    set_up = piece.set_up
                    self._get(piece)
                    yield
                if self._stopped.is_set():
                    return
            if listed.ended:
                return
            if time.monotonic() - new_at > STALLED_S:
                raise MediaError(f"{self._name} names no new piece: check that it is being sent.")
            self._stopped.wait(min(max(listed.duration / 2, RELOAD_S[0]), RELOAD_S[1]))
            if self._stopped.is_set():
                return
            self._check_time()
            listed, before = self._load(listed.url), listed
            if listed.first < before.first:  # the server began anew
                number = max(listed.first, _end(listed) - FROM_END)

    def _load(self, url: str) -> MediaList:
        listed = self._parse(self._get(Piece(url)), b"")
        if isinstance(listed, str):
            raise MediaError(f"{self._name} leads from list to list: enter the address of one stream.")
        return listed

    def _parse(self, body: Body, text: bytes) -> MediaList | str:
        content = bytearray(text)
        while more := body.read(_READ):
            content += more
            self._check_time()
            if len(content) > LONGEST_LIST:
                raise MediaError(f"{self._name} has a list of more than {LONGEST_LIST >> 20} MB: check it.")
        if not is_list(bytes(content[:16])):
            raise MediaError(f"{self._name} leads to a list that is none: check the address.")
        return parse_list(content.decode(errors="replace"), body.url, self._name)

    def _get(self, piece: Piece) -> Body:
        """Ask for a piece; it is what is read from now on."""
        if self._body is not None:
            self._body.close()
            self._body = None
        self._body = fetch(piece.url, self._allow_private, self._silence, piece.span, self._connected)
        return self._body

    def _connected(self, connection: socket.socket) -> None:
        self._connection = connection
        if self._stopped.is_set():  # also after ``interrupt`` had looked for one
            self._shut_down(connection)

    def _shut_down(self, connection: socket.socket | None) -> None:
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # under TLS, whose own would wait

    def _check_time(self) -> None:
        if time.monotonic() > self.deadline:
            raise TimeoutError


def _end(listed: MediaList) -> int:
    """Number of the piece after the last one."""
    return listed.first + len(listed.pieces)

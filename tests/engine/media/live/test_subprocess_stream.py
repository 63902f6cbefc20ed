"""The process between us and a server: what it says neither stops it nor is lost."""

from __future__ import annotations

import sys
import time

import pytest

from livestyle.engine.media.live.subprocess_stream import SubprocessStream

CHATTY = """
import socket, sys
host, port = sys.argv[1].removeprefix("tcp://").rsplit(":", 1)
pipe = socket.create_connection((host, int(port)))
for _ in range(16384):
    sys.stderr.write("demuxer: a packet of 64 bytes came with a timestamp before the last\\n")
sys.stderr.flush()
pipe.sendall(b"picture")
sys.stderr.write("srt://127.0.0.1: Connection refused\\n")
"""


def command(program: str) -> list[str]:
    return [sys.executable, "-I", "-c", program, "{}"]


def ended(carrier: SubprocessStream) -> str:
    deadline = time.monotonic() + 10
    while not carrier.complaint and time.monotonic() < deadline:
        time.sleep(0.01)
    return carrier.complaint


def test_a_process_that_says_a_megabyte_goes_on_and_its_last_line_is_told() -> None:
    carrier = SubprocessStream(command(CHATTY), silence=20.0)
    try:
        assert carrier.read(100) == b"picture"
        assert ended(carrier) == "Connection refused"
    finally:
        carrier.close()


def test_one_that_says_nothing_closed_the_connection() -> None:
    silent = CHATTY.partition("for _")[0]
    carrier = SubprocessStream(command(silent), silence=20.0)
    assert ended(carrier) == "the connection was closed"
    carrier.close()
    carrier.close()


def test_one_that_does_not_start_says_why() -> None:
    with pytest.raises(OSError, match="no such protocol"):
        SubprocessStream(command("import sys; sys.exit('remux: no such protocol')"), silence=1.0)

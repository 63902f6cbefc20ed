"""A process that carries encoded video between us and a server.

PyAV holds the interpreter while an output connects, and knows no SRT. So a process of its own does
that: a few lines of PyAV, or for SRT the ffmpeg program. Nothing is decoded or encoded in there.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from ...errors import MediaError
from .stderr_tail import StderrTail

START_S = 8.0
"""Seconds for the process to start and to connect."""

SOON = {"flush_packets": "1", "max_interleave_delta": "100000"}
"""Options of a muxer that waits at most 0.1 s for another track's packets, and passes on what it has."""

_PIECE = 64 * 1024
_REMUX = Path(__file__).with_name("remux.py")


@lru_cache(maxsize=1)
def srt_program() -> str:
    """Path of an ffmpeg that knows SRT.

    Raises:
        MediaError: there is none.
    """
    path = shutil.which("ffmpeg")
    if path:
        known = subprocess.run(
            [path, "-hide_banner", "-protocols"], capture_output=True, text=True, timeout=20
        )
        if "srt" in known.stdout.split():
            return path
    raise MediaError("SRT needs the ffmpeg program with SRT in it: install ffmpeg, or use RTMP, RTSP or UDP.")


class SubprocessStream:
    """A running process and the stream to or from it, as a file for PyAV.

    Args:
        command: what to run; ``{}`` in an argument becomes the address that it reads or writes.
        silence: seconds without a byte after which reading and writing give up.

    Raises:
        OSError: it does not start.
    """

    def __init__(self, command: list[str], silence: float) -> None:
        with socket.create_server(("127.0.0.1", 0)) as door:
            address = f"tcp://127.0.0.1:{door.getsockname()[1]}"
            self._process = subprocess.Popen(
                [part.replace("{}", address) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            assert self._process.stderr is not None
            self._said = StderrTail(self._process.stderr)
            self._pipe = self._accept(door)
        self._pipe.settimeout(silence)

    def read(self, size: int) -> bytes:
        """What has come, at most ``size`` bytes; nothing at the end or after silence."""
        try:
            return self._pipe.recv(min(size, _PIECE))
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        """All of it; raises OSError where it is not taken."""
        self._pipe.sendall(data)
        return len(data)

    @property
    def complaint(self) -> str:
        """Why the process has ended; empty while it runs."""
        if self._process.poll() is None:
            return ""
        return self._said.line().rpartition(": ")[2] or "the connection was closed"

    def finish(self, timeout: float) -> None:
        """Let the process send what it has."""
        with contextlib.suppress(OSError):
            self._pipe.shutdown(socket.SHUT_WR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)

    def close(self) -> None:
        """End the process; harmless when repeated."""
        self._pipe.close()
        self._process.kill()
        self._process.wait()

    def _accept(self, door: socket.socket) -> socket.socket:
        door.settimeout(0.1)
        for _ in range(round(START_S / 0.1)):
            with contextlib.suppress(TimeoutError):
                return door.accept()[0]
            if self._process.poll() is not None:
                break
        complaint = self.complaint or "no answer in time"
        self._process.kill()
        self._process.wait()
        raise OSError(complaint)


def receive_srt(url: str, silence: float) -> SubprocessStream:
    """MPEG-TS from an SRT address with a numeric host."""
    early = ["-analyzeduration", "500000", "-fflags", "nobuffer", "-protocol_whitelist", "srt,udp"]
    early += ["-f", "mpegts"]  # probing could choose a format that reads files
    out = ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-f", "mpegts"]
    out += [*_arguments(SOON), "{}"]
    return SubprocessStream(
        [srt_program(), "-nostdin", "-loglevel", "error", *early, "-i", url, *out], silence
    )


def send_srt(url: str, silence: float) -> SubprocessStream:
    """NUT to an SRT address with a numeric host."""
    into = ["-f", "nut", "-fflags", "nobuffer", "-protocol_whitelist", "tcp", "-i", "{}"]
    out = ["-c", "copy", "-f", "mpegts", *_arguments(SOON), url]
    return SubprocessStream([srt_program(), "-nostdin", "-loglevel", "error", *into, *out], silence)


def send(url: str, form: str, options: dict[str, str], silence: float) -> SubprocessStream:
    """NUT to an address with a numeric host, muxed as ``form`` with these muxer options."""
    pairs = [f"{name}={value}" for name, value in (SOON | options).items()]
    return SubprocessStream([sys.executable, "-I", str(_REMUX), "{}", url, form, *pairs], silence)


def _arguments(options: dict[str, str]) -> list[str]:
    """As the ffmpeg program takes them."""
    return [part for name, value in options.items() for part in (f"-{name}", value)]

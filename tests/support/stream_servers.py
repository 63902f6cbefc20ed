"""Real ffmpeg processes as servers and clients, and the RTSP server that ffmpeg does not have."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import psutil

PICTURE = "testsrc=size=160x120:rate=25"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def ffmpeg(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running ffmpeg, killed at the end."""
    command = ["ffmpeg", "-y", "-nostdin", "-loglevel", "error", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def publisher(
    *output: str, picture: str = PICTURE, codec: str = "libx264", keyframes: int = 10
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """An ffmpeg that plays a test picture to ``output``, in real time and without end."""
    encoding = ["-c:v", codec, "-g", str(keyframes), "-pix_fmt", "yuv420p", "-threads", "1"]
    if codec == "libx264":
        encoding += ["-preset", "ultrafast", "-tune", "zerolatency"]
    return ffmpeg("-re", "-f", "lavfi", "-i", picture, *encoding, *output)


def await_socket(process: subprocess.Popen[bytes]) -> float:
    """Wait until an ffmpeg listens or connects; ``time.monotonic()`` of then."""
    while not psutil.Process(process.pid).net_connections("inet"):
        assert process.poll() is None, "it has ended"
        time.sleep(0.02)
    return time.monotonic()


def await_packet(address: str) -> None:
    """Wait until something comes to a ``udp://`` address that nobody reads yet; ffmpeg may start late."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        ear.settimeout(240)
        ear.recv(2048)


def frames_in(file: Path) -> tuple[str, int, int, int]:
    """(codec, width, height, frames) of a file's picture, as ffprobe decodes it."""
    entries = "stream=codec_name,width,height,nb_read_frames"
    command = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-show_entries",
        entries,
        "-of",
        "csv=p=0",
        str(file),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    codec, width, height, frames = answer.split()[0].split(",")[:4]
    return codec, int(width), int(height), int(frames)


class RtspServer:
    """Passes what one client announces on to those who play it, interleaved in TCP.

    Args:
        redirect: where every DESCRIBE is sent instead.
        status: the first line of that answer.
        first_body: what comes with the answer to OPTIONS.
    """

    def __init__(
        self,
        port: int = 0,
        redirect: str = "",
        status: str = "RTSP/1.0 302 Moved",
        first_body: bytes = b"",
    ) -> None:
        self._redirect, self._status, self._first_body = redirect, status, first_body
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._sdp = b""
        self._players: list[socket.socket] = []
        self.clients: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """What clients open."""
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def close(self) -> None:
        """End all connections, as a server that is killed does."""
        for end in (self._listener, *self.clients):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client.makefile("rb") as stream:
            while first := stream.read(1):
                if first == b"$":
                    head = stream.read(3)
                    packet = first + head + stream.read(int.from_bytes(head[1:], "big"))
                    self._pass_on(packet)
                else:
                    self._answer(client, stream, first + stream.readline())
        if client in self._players:
            self._players.remove(client)

    def _pass_on(self, packet: bytes) -> None:
        for player in list(self._players):
            with contextlib.suppress(OSError):
                player.sendall(packet)

    def _answer(self, client: socket.socket, stream: BinaryIO, request: bytes) -> None:
        fields = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        body = stream.read(int(fields.get("content-length", 0)))
        method = request.split()[0].decode()
        lines, answer = [f"CSeq: {fields.get('cseq', '0')}", "Session: 1"], b""
        status = "RTSP/1.0 200 OK"
        if method == "OPTIONS":
            answer = self._first_body
            lines.append("Public: OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, TEARDOWN")
        elif method == "ANNOUNCE":
            self._sdp = body
        elif method == "DESCRIBE" and self._redirect:
            status = self._status
            lines.append(f"Location: {self._redirect}")
        elif method == "DESCRIBE" and not self._sdp:
            status = "RTSP/1.0 404 Not Found"
        elif method == "DESCRIBE":
            answer = self._sdp
            lines.append("Content-Type: application/sdp")
        elif method == "SETUP":
            lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        lines.append(f"Content-Length: {len(answer)}")
        head = "\r\n".join((status, *lines, "", ""))
        client.sendall(head.encode() + answer)
        if method == "PLAY":
            self._players.append(client)

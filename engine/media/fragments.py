"""Top-level boxes of a fragmented mp4: what is whole, and dropping what is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import av

_HEADER = 16


def drop_partial_fragment(path: Path) -> int:
    """Cut a file that a full disk ended after its last whole fragment.

    Returns:
        How many video frames are left; with 0 the file is of no use.
    """
    size = path.stat().st_size
    whole = 0
    for kind, end in _boxes(path):
        if end > size:
            break
        # A fragment is its moof and the mdat that follows.
        if kind in (b"moov", b"mdat"):
            whole = end
    os.truncate(path, whole)
    try:
        with av.open(f"file:{path}") as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)
    except (av.error.FFmpegError, IndexError):
        return 0


def _boxes(path: Path) -> Iterator[tuple[bytes, int]]:
    """(type, offset of the end) of each top-level box; the last may end beyond the file."""
    position = 0
    with path.open("rb") as file:
        while True:
            file.seek(position)
            header = file.read(_HEADER)
            if len(header) < 8:
                return
            length = int.from_bytes(header[:4], "big")
            if length == 1:  # The length is in the 8 bytes after the type.
                length = int.from_bytes(header[8:16], "big")
            if length < 8:
                return
            position += length
            yield header[4:8], position

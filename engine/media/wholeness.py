"""Whether a file is all there: what its outer structure promises, and whether it changed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"sidx", b"moof", b"pnot")
_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067


class FileWatch:
    """Remembers how a file was when it was opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._before = os.stat(path)

    def fault(self) -> str:
        """What is wrong with the file now, as the end of a sentence; empty where nothing is.

        One that was deleted or replaced by another is still read from the disk as it was.
        """
        try:
            now = os.stat(self._path)
        except OSError:
            return ""
        if (now.st_dev, now.st_ino) != (self._before.st_dev, self._before.st_ino):
            return ""
        if now.st_size < self._before.st_size:
            return "was cut while it was read: run it again when it is there as a whole"
        if (now.st_size, now.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            return "was changed while it was read: run it again when nothing writes to it"
        promised = promised_bytes(Path(self._path))
        if promised > now.st_size:
            missing = promised - now.st_size
            return f"is cut off, the last {missing / promised:.0%} are missing: copy or download it again"
        return ""


def promised_bytes(path: Path) -> int:
    """Where the last top-level part of an mp4, Matroska or AVI file ends; 0 where that isn't said."""
    with suppress(OSError):
        with path.open("rb") as file:
            head = file.read(16)
        if head[4:8] in _BOXES:
            return max(_ends(path, _box), default=0)
        if int.from_bytes(head[:4], "big") == _EBML:
            return max(_ends(path, _element), default=0)
        if head[:4] == b"RIFF":
            return max(_ends(path, _chunk), default=0)
    return 0


def _ends(path: Path, length_of: Callable[[bytes], int]) -> Iterator[int]:
    """Ends of the parts that follow each other from the beginning, also one beyond the file's end."""
    position, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            length = length_of(file.read(16))
            if length <= 0:
                return
            position += length
            yield position


def _box(head: bytes) -> int:
    length = int.from_bytes(head[:4], "big")
    if not head[4:8].isalnum():
        return 0
    return int.from_bytes(head[8:16], "big") if length == 1 else length  # 0: to the file's end


def _chunk(head: bytes) -> int:
    length = int.from_bytes(head[4:8], "little")
    return 8 + length + length % 2 if head[:4] in (b"RIFF", b"JUNK") else 0


def _element(head: bytes) -> int:
    """Bytes of an EBML element; 0 for one whose length is unknown, as in a recording without an end."""
    if len(head) < 5 or int.from_bytes(head[:4], "big") not in (_EBML, _SEGMENT):
        return 0
    width = 9 - head[4].bit_length() if head[4] else 0
    if not width or len(head) < 4 + width:
        return 0
    length = int.from_bytes(head[4 : 4 + width], "big") & ((1 << 7 * width) - 1)
    return 0 if length == (1 << 7 * width) - 1 else 4 + width + length

"""The files inside a Qt resource container (``rcc --binary``), read without Qt."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

FOLDER, ZLIB, ZSTD = 2, 1, 4  # flags of an entry
ENTRY = 22  # bytes of an entry since format 2


def read_resources(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name with its folders, and content, of each file; those that zstd packs are left out.

    Raises:
        ValueError: the file is no Qt resource container of format 2 or later.
    """
    blob = path.read_bytes()
    magic, version, tree, data, names = struct.unpack_from(">4sIIII", blob)
    if magic != b"qres" or version < 2:
        raise ValueError(f"{path.name} is no Qt resource container")

    def walk(index: int, folder: str) -> Iterator[tuple[str, bytes]]:
        at = tree + index * ENTRY
        label, flags = struct.unpack_from(">IH", blob, at)
        (length,) = struct.unpack_from(">H", blob, names + label)
        name = blob[names + label + 6 : names + label + 6 + 2 * length].decode("utf-16-be") if index else ""
        if flags & FOLDER:
            count, first = struct.unpack_from(">II", blob, at + 6)
            for child in range(first, first + count):
                yield from walk(child, f"{folder}{name}/")
        elif not flags & ZSTD:
            (start,) = struct.unpack_from(">I", blob, at + 10)
            (size,) = struct.unpack_from(">I", blob, data + start)
            content = blob[data + start + 4 : data + start + 4 + size]
            yield folder + name, zlib.decompress(content[4:]) if flags & ZLIB else content

    yield from walk(0, "")

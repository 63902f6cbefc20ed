"""Stills come with their own licence, and only those under a free one that is not share-alike."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from livestyle.lab.training import stills
from livestyle.lab.training.qt_resources import read_resources
from livestyle.lab.training.stills import find_stills, read_pictures

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: Everyone
License: GPL-3+

Files: src/activities/erase/resource/heron.jpg
       src/activities/erase/resource/swan*.jpg
Copyright: A. Bird
License: CC-BY-3.0
Comment: https://example.org

Files: src/activities/erase/resource/bear.jpg
Copyright: B. Bear
License: CC-BY-SA-3.0
"""


def container(files: dict[str, bytes]) -> bytes:
    """A Qt resource container with one folder, ``gcompris``, that holds the files."""
    names, offsets = b"", {}
    for name in ("", "gcompris", *files):
        offsets[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    data, places = b"", {}
    for name, content in files.items():
        places[name] = len(data)
        data += struct.pack(">I", len(content)) + content
    tree = struct.pack(">IHIIQ", 0, 2, 1, 1, 0) + struct.pack(
        ">IHIIQ", offsets["gcompris"], 2, len(files), 2, 0
    )
    for name in files:
        flags = 1 if name.startswith("packed") else 0
        tree += struct.pack(">IHHHIQ", offsets[name], flags, 0, 0, places[name], 0)
    start = 20
    head = struct.pack(">4sIIII", b"qres", 2, start, start + len(tree), start + len(tree) + len(data))
    return head + tree + data + names


def jpeg(seed: int, side: int = 256) -> bytes:
    return cv2.imencode(".jpg", np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))[
        1
    ].tobytes()


def test_a_container_gives_its_files_back(tmp_path: Path) -> None:
    packed = struct.pack(">I", 5) + zlib.compress(b"hello")
    (tmp_path / "a.rcc").write_bytes(container({"plain.txt": b"as it is", "packed.txt": packed}))
    assert dict(read_resources(tmp_path / "a.rcc")) == {
        "/gcompris/plain.txt": b"as it is",
        "/gcompris/packed.txt": b"hello",
    }
    (tmp_path / "b.rcc").write_bytes(b"not at all" * 9)
    with pytest.raises(ValueError, match="no Qt resource container"):
        list(read_resources(tmp_path / "b.rcc"))


def test_a_picture_needs_a_free_licence_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = "src/activities/erase/resource"
    names = ("heron.webp", "swan3.webp", "bear.webp", "nobody.webp")
    files = {f"{folder}/{name}": jpeg(index) for index, name in enumerate(names)}
    (tmp_path / "erase.rcc").write_bytes(container(files))
    (tmp_path / "copyright").write_text(COPYRIGHT)
    monkeypatch.setattr(stills, "GCOMPRIS", tmp_path)
    monkeypatch.setattr(stills, "GCOMPRIS_LICENCES", tmp_path / "copyright")
    monkeypatch.setattr(stills, "PACKAGED", {})
    found = find_stills()
    assert [(still.name, still.licence) for still in found] == [
        ("gcompris/resource/heron", "CC-BY-3.0, A. Bird"),
        ("gcompris/resource/swan3", "CC-BY-3.0, A. Bird"),
    ]
    assert found[0].pixels.shape == (256, 256, 3)


def test_pictures_of_a_folder_are_named_after_it(tmp_path: Path) -> None:
    (tmp_path / "kiss.jpg").write_bytes(jpeg(1, 64))
    (picture,) = read_pictures(tmp_path, "public domain")
    assert picture.name == f"{tmp_path.name}/kiss" and picture.licence == "public domain"

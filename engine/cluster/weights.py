"""Weights on a worker's machine: those at the same path where they are the same, else fetched once a machine.

A path's files are listed as ``(name below the path, bytes, mtime in ns, SHA-256 or "")``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import CheckpointError
from ..families.base import ModelHandle
from ..families.note import shared_parts

CACHE = "LIVESTYLE_CACHE"
BLOCK = 8 << 20
"""Bytes that are sent at a time."""

STALE_S = 60.0
"""A file that another process of the machine began, and that has not grown for so long, is begun anew."""

Files = list[tuple[str, int, int, str]]


def paths_of(handle: ModelHandle) -> list[str]:
    """Every file and folder that a handle names, and what its checkpoint shares with others, each once."""
    paths = [handle.checkpoint, handle.autoencoder, handle.text_encoder, handle.lora]
    paths += [str(path) for path in shared_parts(Path(handle.checkpoint)).values()]
    return list(dict.fromkeys([*filter(None, paths), *(adapter.path for adapter in handle.patches)]))


def listed(path: str, hashed: bool) -> Files:
    """The files at a path; reads all of them where ``hashed``."""
    root = Path(path)
    files = sorted(file for file in root.rglob("*") if file.is_file()) if root.is_dir() else [root]
    result = []
    for file in files:
        status, name = file.stat(), file.relative_to(root).as_posix()
        result.append((name, status.st_size, status.st_mtime_ns, file_digest(file) if hashed else ""))
    return result


def file_digest(file: Path) -> str:
    """SHA-256 in hex."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def blocks(path: str, files: Files, digest: str) -> Iterator[tuple[bytes, bool]]:
    """The content of the file with this digest, and of each block whether it is the last."""
    name, size = next((name, size) for name, size, _, known in files if known == digest)
    with open(Path(path) / name, "rb") as opened:
        sent = 0
        while block := opened.read(BLOCK):
            sent += len(block)
            yield block, sent >= size
    if not size:
        yield b"", True


class WeightCache:
    """The worker's side; files lie by their digest, folders are made of links to them."""

    def __init__(self) -> None:
        root = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "livestyle")
        self._folder = root / "cluster-weights"
        self._places: dict[str, str] = {}
        self._digests: dict[str, list[str]] = {}

    def differs(self, path: str, files: Files) -> bool:
        """Whether a path is missing here, or has other names, sizes or times."""
        self._places[path] = path
        return not Path(path).exists() or [entry[:3] for entry in listed(path, False)] != [
            tuple(entry[:3]) for entry in files
        ]

    def wanted(self, path: str, files: Files) -> tuple[list[str], bool]:
        """Digests that this caller must send, and whether all are there already, under a folder of their own.

        What another process of this machine receives meanwhile is not asked for twice: ask again later.
        """
        if self._own_digests(path) == [entry[3] for entry in files]:
            return [], True
        self._folder.mkdir(parents=True, exist_ok=True)
        missing = {digest for *_, digest in files if not (self._folder / digest).exists()}
        if not missing:
            self._places[path] = self._assembled(path, files)
        return sorted(digest for digest in missing if self._begin(digest)), not missing

    def receive(self, digest: str, block: bytes, last: bool) -> None:
        """Append a block to a file that ``wanted`` asked for; raises CheckpointError where it is another."""
        part = self._part(digest)
        with open(part, "ab") as opened:
            opened.write(block)
        if last:
            if file_digest(part) != digest:
                part.unlink()
                raise CheckpointError("Weights changed while they were sent: run again.")
            os.replace(part, self._folder / digest)

    def localised(self, handle: ModelHandle) -> ModelHandle:
        """The handle with this machine's paths; what was beside its checkpoint is beside it again."""
        places, own = self._places, Path(handle.checkpoint)
        here = Path(places.get(handle.checkpoint, handle.checkpoint))
        beside = {Path(path): place for path, place in places.items() if Path(path).parent == own.parent}
        for path, place in beside.items() if here != own else ():
            if not (target := here.with_name(path.name)).exists():
                target.symlink_to(place)
        return replace(
            handle,
            checkpoint=places.get(handle.checkpoint, handle.checkpoint),
            autoencoder=places.get(handle.autoencoder, handle.autoencoder),
            text_encoder=places.get(handle.text_encoder, handle.text_encoder),
            lora=places.get(handle.lora, handle.lora),
            patches=tuple(
                replace(adapter, path=places.get(adapter.path, adapter.path)) for adapter in handle.patches
            ),
        )

    def _own_digests(self, path: str) -> list[str]:
        """Of this machine's files at a path; they are read once, for a caller may ask again and again."""
        if path not in self._digests:
            there = listed(path, True) if Path(path).exists() else []
            self._digests[path] = [entry[3] for entry in there]
        return self._digests[path]

    def _part(self, digest: str) -> Path:
        return self._folder / f"{digest}.part"

    def _begin(self, digest: str) -> bool:
        """Whether it is for us to receive a file: nobody else of this machine does."""
        part = self._part(digest)
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > STALE_S:
                part.unlink()
        try:
            part.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _assembled(self, path: str, files: Files) -> str:
        """A path of the same name with links to the files."""
        name = hashlib.sha256(repr([(entry[0], entry[3]) for entry in files]).encode()).hexdigest()[:16]
        root = self._folder / name / Path(path).name
        for inside, _, _, digest in files:
            target = root / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.link(self._folder / digest, target)
        return str(root)

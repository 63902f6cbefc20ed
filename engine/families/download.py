"""Fetches a release once the artist has asked for it: resumable, every file checked by its hash."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import ModelInfo
from huggingface_hub.utils import build_hf_headers

from ..errors import CheckpointError, one_line
from .releases import Release

KINDS = {".safetensors", ".json", ".txt", ".jinja", ".md"}
"""What a checkpoint is made of; pickles and pictures stay where they are."""

LAST = "model_index.json"
"""Comes last, because a folder with it counts as a whole checkpoint."""

MARGIN = 1 << 30
"""Bytes that stay free on the disk."""

BLOCK = 1 << 22

Report = Callable[[int, int], None]
"""Told the bytes that are there and the bytes in all; what it raises ends the download."""


@dataclass(frozen=True)
class _RemoteFile:
    """A file of one commit.

    Attributes:
        sha256: of a large file; ``""`` for a small one, which git's own hash names.
        blob: git's hash of its content.
    """

    name: str
    size: int
    sha256: str
    blob: str

    def matches(self, path: Path) -> bool:
        """Whether a local file has this content."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256:
            return _digest(path, "sha256", b"") == self.sha256
        return _digest(path, "sha1", f"blob {self.size}\0".encode()) == self.blob


class _Stopped(BaseException):
    """Carries what ``Report`` raised past those who would try again."""


class _Counted(io.FileIO):
    """A file that tells how long it has become."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        super().__init__(path, "ab")
        self._told = told

    def write(self, data: bytes) -> int:
        written = super().write(data)
        self._told(self.tell())
        return written


def fetch(release: Release, folder: Path, report: Report, endpoint: str | None = None) -> Path:
    """Bring a release into ``folder``; what is there already is not fetched again.

    A file grows as ``NAME.part`` and gets its name once its hash is the hub's, so an interrupted
    download goes on where it stopped.

    Args:
        release: what to fetch.
        folder: where its files go.
        report: see ``Report``; called at least every 10 MB.
        endpoint: another hub than huggingface.co.

    Raises:
        CheckpointError: no connection, no room, or a file that is not what the hub lists.
    """
    endpoint = endpoint or constants.ENDPOINT
    try:
        info = HfApi(endpoint=endpoint).model_info(
            release.repository, revision=release.revision, files_metadata=True
        )
        files = _files(info)
        total, done = sum(file.size for file in files), 0
        _check_room(files, folder)
        for file in files:
            before = done

            def told(size: int, before: int = before) -> None:
                try:
                    report(before + size, total)
                except BaseException as reason:
                    raise _Stopped from reason

            url = hf_hub_url(release.repository, file.name, revision=info.sha, endpoint=endpoint)
            _fetch_file(url, file, folder / file.name, told)
            done += file.size
            report(done, total)
    except _Stopped as stopped:
        raise stopped.__cause__ from None
    except CheckpointError:
        raise
    except Exception as error:  # the hub's transport library, and so its errors, differ between versions
        line = one_line(error, 120)
        raise CheckpointError(
            f"{release.name} could not be fetched from {release.source}: {line}. Run again to go on."
        ) from error
    return folder


def _files(info: ModelInfo) -> list[_RemoteFile]:
    listed = [
        _RemoteFile(each.rfilename, each.size or 0, each.lfs.sha256 if each.lfs else "", each.blob_id or "")
        for each in info.siblings or ()
        if PurePosixPath(each.rfilename).suffix in KINDS and _stays_inside(each.rfilename)
    ]
    return sorted(listed, key=lambda file: (file.name == LAST, file.name))


def _stays_inside(name: str) -> bool:
    """Whether a name leads below the folder it is put in, on Windows too."""
    path = PureWindowsPath(name)
    return not path.anchor and ".." not in path.parts and "\\" not in name


def _check_room(files: list[_RemoteFile], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    there = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    needed, free = sum(file.size for file in files) - there + MARGIN, shutil.disk_usage(folder).free
    if needed > free:
        raise CheckpointError(
            f"The disk of {folder} has {free / 1e9:.1f} GB free: make room for {needed / 1e9:.1f} GB."
        )


def _fetch_file(url: str, file: _RemoteFile, path: Path, told: Callable[[int], None]) -> None:
    if path.exists() and file.matches(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    start = part.stat().st_size if part.exists() else 0
    if start > file.size:
        part.unlink()
        start = 0
    if start < file.size:
        with _Counted(part, told) as target:
            http_get(url, target, resume_size=start, headers=build_hf_headers(), expected_size=file.size)
    if not file.matches(part):
        part.unlink()
        raise CheckpointError(f"{file.name} arrived damaged (its hash is not the hub's): run again.")
    part.replace(path)


def _digest(path: Path, algorithm: str, head: bytes) -> str:
    digest = hashlib.new(algorithm, head, usedforsecurity=algorithm == "sha256")
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()

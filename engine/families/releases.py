"""Published checkpoints that the pack can run but may not contain: where they are and on what terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .note import NOTE, read_note


@dataclass(frozen=True)
class Release:
    """One repository on huggingface.co.

    Attributes:
        name: as LoadStreamModel lists it, and the folder it is put into.
        repository, revision: where it is; every revision is resolved to a commit before anything is fetched.
        licence: short name of the weights' licence.
        terms: what the licence asks, in a few words.
        size: bytes, about.
        pipeline: class that its model_index.json names, by which a folder is known again; ``""`` without.
    """

    name: str
    repository: str
    revision: str
    licence: str
    terms: str
    size: int
    pipeline: str = ""

    @property
    def source(self) -> str:
        """Where from, and on what terms."""
        return f"huggingface.co/{self.repository} ({self.licence}: {self.terms})"


def named(name: str, releases: Iterable[Release]) -> Release | None:
    """The release of a name."""
    return next((release for release in releases if release.name == name), None)


def release_in(folder: Path, releases: Iterable[Release]) -> Release | None:
    """The release that a checkpoint folder is; None for demos, others, and what can't be read."""
    if (folder / NOTE).exists():
        return None
    pipeline = str(read_note(folder, "model_index.json").get("_class_name", ""))
    return next((release for release in releases if release.pipeline and release.pipeline == pipeline), None)

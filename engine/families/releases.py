"""Published checkpoints that the pack can run but may not contain: where they are and on what terms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Release:
    """One repository on huggingface.co.

    Attributes:
        name: as LoadStreamModel lists it, and the folder it is put into.
        repository, revision: where it is; every revision is resolved to a commit before anything is fetched.
        licence: short name of the weights' licence.
        terms: what the licence asks, in a few words.
        size: bytes, about.
    """

    name: str
    repository: str
    revision: str
    licence: str
    terms: str
    size: int

    @property
    def source(self) -> str:
        """Where from, and on what terms."""
        return f"huggingface.co/{self.repository} ({self.licence}: {self.terms})"


RELEASES = tuple(
    Release(name, f"carlofkl/{name}", "diffusers", "CC BY-NC 4.0", "non-commercial use only", 5_000_000_000)
    for name in ("DreamLite-mobile", "DreamLite-base")
)

BY_PIPELINE = dict(zip(("DreamLiteMobilePipeline", "DreamLitePipeline"), RELEASES, strict=True))
"""The release a folder came from, by the class that its model_index.json names."""


def find_release(name: str) -> Release | None:
    """The release that LoadStreamModel lists under a name."""
    return next((release for release in RELEASES if release.name == name), None)


def release_of(folder: Path) -> Release | None:
    """The release that a checkpoint folder is; None for demos, others, and what can't be read."""
    try:
        described = json.loads((folder / "model_index.json").read_text())
    except (OSError, ValueError):
        return None
    ours = (folder / "livestyle.json").exists()
    return None if ours else BY_PIPELINE.get(str(described.get("_class_name")))

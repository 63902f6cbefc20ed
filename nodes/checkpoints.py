"""Which checkpoints and other weight files there are, and where they lie."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from ..engine.errors import CheckpointError, SettingError
from ..engine.families import DEMO, PICKLES, demo_checkpoints, find_release, releases
from ..engine.families.download import fetch
from . import host

INDEXES = ("model_index.json", "livestyle.json")
"""Files that make the folder they lie in a checkpoint."""
SINGLE = {".safetensors", ".pt", ".pth"}
"""Files that may be a checkpoint by themselves; of pickled ones only tensors are read."""


def checkpoint_names() -> list[str]:
    """Demo checkpoints first, then what lies in ``models/stream_models``, then what could be fetched."""
    local = checkpoints_in(host.model_files(host.MODEL_FOLDER))
    return [*demo_checkpoints(), *local, *(each.name for each in releases() if each.name not in local)]


def fetch_missing(name: str, node_id: str) -> None:
    """Fetch a release that the artist has asked for, unless it is there.

    Args:
        name: as the widget offers it; other names are left alone.
        node_id: shows how far it is.
    """
    release = find_release(name)
    if release is None or name in checkpoints_in(host.model_files(host.MODEL_FOLDER)):
        return
    progress = host.Progress(node_id)
    progress.text(f"Fetching {name} from {release.source}")
    fetch(release, host.model_folder(host.MODEL_FOLDER) / name, progress.bar)


def checkpoints_in(files: Iterable[str]) -> list[str]:
    """Folders in the diffusers layout or with a description of ours, and weight files outside them.

    Args:
        files: names relative to the model folder, with either kind of slash.
    """
    paths = [PurePosixPath(name.replace("\\", "/")) for name in files]
    folders = {path.parent for path in paths if path.name in INDEXES}
    singles = [path for path in paths if path.suffix in SINGLE and not folders.intersection(path.parents)]
    return sorted(str(path) for path in (*folders, *singles))


def checkpoint_path(name: str) -> str:
    """Absolute path of a checkpoint that the widget offers.

    Raises:
        CheckpointError: there is none of that name, or it is a pickle.
    """
    demos = demo_checkpoints()
    if name in demos:
        return str(demos[name])
    if PurePosixPath(name).suffix.lower() in PICKLES:
        raise CheckpointError(f"'{name}' is a pickle, which can run code: convert it to .safetensors first.")
    if name in checkpoint_names():
        for inside in ("", *(f"/{index}" for index in INDEXES)):
            path = host.model_path(host.MODEL_FOLDER, f"{name}{inside}")
            if path is not None:
                return str(Path(path).parent) if inside else path
    release = find_release(name)
    if release is not None:
        raise CheckpointError(
            f"{name} is not on this machine: switch on download (about {release.size / 1e9:.1f} GB from "
            f"{release.source}), or put its folder into models/stream_models."
        )
    offered = ", ".join(checkpoint_names()) or "none yet; put one into models/stream_models"
    if name.startswith(DEMO):
        raise CheckpointError(
            f"{name} is not in this pack: train it with scripts/train.py, or choose one of {offered}."
        )
    raise CheckpointError(f"There is no checkpoint '{name}'. There are: {offered}.")


def fingerprint(*paths: str) -> str:
    """Changes when a file below one of the paths does (names, sizes and times, not contents)."""
    facts = hashlib.sha256()
    for root in map(Path, filter(None, paths)):
        files = sorted(item for item in root.rglob("*") if item.is_file()) if root.is_dir() else [root]
        for item in files:
            status = item.stat()
            facts.update(os.fsencode(item) + f"|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return facts.hexdigest()[:16]


def weight_files(folders: Sequence[str]) -> list[str]:
    """Names of the safetensors files in some of ComfyUI's model folders, sorted."""
    names = {name for folder in folders for name in host.model_files(folder)}
    return sorted(name for name in names if name.endswith(".safetensors"))


def weight_file(widget: str, name: str, absent: str, folders: Sequence[str]) -> str:
    """Absolute path of a widget's choice, ``""`` for ``absent``, the choice that means none.

    Raises:
        SettingError: no such file.
    """
    if name == absent:
        return ""
    for folder in folders:
        path = host.model_path(folder, name)
        if path is not None:
            return path
    raise SettingError(
        f"{widget} '{name}' is not in models/{' or models/'.join(folders)}: choose '{absent}' or another."
    )

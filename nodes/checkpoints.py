"""Which checkpoints there are, and the handle of one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ..engine.errors import CheckpointError
from ..engine.families import PICKLES, demo_checkpoints
from . import host

INDEX = "model_index.json"


def checkpoint_names() -> list[str]:
    """Demo checkpoints first, then what lies in ``models/stream_models``."""
    return [*demo_checkpoints(), *checkpoints_in(host.model_files(host.MODEL_FOLDER))]


def checkpoints_in(files: Iterable[str]) -> list[str]:
    """Folders in the diffusers layout, and safetensors files outside such folders.

    Args:
        files: names relative to the model folder, with either kind of slash.
    """
    paths = [PurePosixPath(name.replace("\\", "/")) for name in files]
    folders = {path.parent for path in paths if path.name == INDEX}
    singles = [
        path for path in paths if path.suffix == ".safetensors" and not folders.intersection(path.parents)
    ]
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
        path = host.model_path(host.MODEL_FOLDER, name) or host.model_path(
            host.MODEL_FOLDER, f"{name}/{INDEX}"
        )
        if path is not None:
            return path if path.endswith(".safetensors") else str(Path(path).parent)
    offered = ", ".join(checkpoint_names()) or "none yet; put one into models/stream_models"
    raise CheckpointError(f"There is no checkpoint '{name}'. There are: {offered}.")


def fingerprint(path: str) -> str:
    """Changes when a file below ``path`` does (names, sizes and times, not contents)."""
    root = Path(path)
    files = sorted(item for item in root.rglob("*") if item.is_file()) if root.is_dir() else [root]
    facts = hashlib.sha256()
    for item in files:
        status = item.stat()
        facts.update(f"{item}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return facts.hexdigest()[:16]

"""Weights that a widget chooses from ComfyUI's model folders."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.errors import SettingError
from . import host


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

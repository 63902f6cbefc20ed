"""A single picture out of a running session, kept as a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

PREFIX = "livestyle/snapshot"

StemOf = Callable[[str], tuple[str, int]]


def save_snapshot(pixels: np.ndarray, tags: Mapping[str, str], stem_of: StemOf) -> Path:
    """Write a PNG that carries the workflow: dropped on the canvas it gives the graph back.

    Args:
        pixels: uint8 RGB (H, W, 3).
        tags: text entries, such as ``prompt`` and ``workflow``.
        stem_of: gives a path without counter, and the next free counter, for a prefix.

    Raises:
        OSError: the output folder can't be written.
    """
    texts = PngInfo()
    for name, value in tags.items():
        texts.add_text(name, value)
    stem, counter = stem_of(PREFIX)
    os.makedirs(os.path.dirname(stem), exist_ok=True)
    while True:
        path = Path(f"{stem}_{counter:05}_.png")
        try:
            file = open(path, "xb")
        except FileExistsError:
            counter += 1
            continue
        with file:
            Image.fromarray(pixels).save(file, "png", pnginfo=texts, compress_level=4)
        return path

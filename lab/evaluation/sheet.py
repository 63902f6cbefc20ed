"""A contact sheet: pictures side by side, each with its name below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

BAR = 22  # pixels for a tile's name


def contact_sheet(columns: Sequence[tuple[str, np.ndarray]], target: Path, across: int = 7) -> None:
    """Write a picture with each clip's tiles, one for each column, in as many rows as they need.

    Args:
        columns: (name, uint8 RGB (N, H, W, 3)), one picture for each of N clips.
        target: .jpg or .png.
        across: tiles in a row.
    """
    rows = []
    for clip in range(len(columns[0][1])):
        tiles = [_named(name, pictures[clip]) for name, pictures in columns]
        tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % across)
        rows += [np.concatenate(tiles[i : i + across], axis=1) for i in range(0, len(tiles), across)]
    cv2.imwrite(str(target), np.concatenate(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _named(name: str, picture: np.ndarray) -> np.ndarray:
    bar = np.full((BAR, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, name, (4, BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate([picture, bar])

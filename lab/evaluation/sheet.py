"""A contact sheet: one frame of each clip in every style."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ...engine.families.mllm_edit.model import MLLMEditModel
from ..mllm_edit.evaluation.editing import edit
from ..styles import STYLES
from ..training.clips import centre_crop, sample_frames
from .prompts import ASK

COLUMNS = 7
BAR = 22  # pixels for a tile's name


def contact_sheet(model: MLLMEditModel, clips: list[Path], target: Path, size: int, steps: int = 1) -> None:
    """Write a picture with the middle frame of every clip, as it is and in each style.

    Args:
        clips: videos that may be published.
        target: .jpg or .png.
        size: side of a tile, a multiple of 32 pixels.
    """
    sources = np.stack([centre_crop(sample_frames(clip, 3, size)[1], size) for clip in clips])
    columns = [("source", sources), *((style, edit(model, sources, ASK[style], steps)) for style in STYLES)]
    rows = []
    for clip in range(len(clips)):
        tiles = [_named(name, pictures[clip]) for name, pictures in columns]
        blank = np.full_like(tiles[0], 255)
        tiles += [blank] * (-len(tiles) % COLUMNS)
        rows += [np.concatenate(tiles[i : i + COLUMNS], axis=1) for i in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(target), np.concatenate(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def _named(name: str, picture: np.ndarray) -> np.ndarray:
    bar = np.full((BAR, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, name, (4, BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (40, 40, 40), 1, cv2.LINE_AA)
    return np.concatenate([picture, bar])

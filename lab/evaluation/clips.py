"""Clips to measure on: read at one size, played to and fro, or cut together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ...engine.media.sources import SourceSpec
from ..training.splits import SUFFIXES, clips_of
from .quality import SourceClip


@dataclass(frozen=True)
class Clip:
    """Frames of a video, centre-cropped to a square.

    Attributes:
        name: the file's, without its suffix.
        pixels: uint8 RGB (N, size, size, 3).
    """

    name: str
    pixels: np.ndarray

    @cached_property
    def source(self) -> SourceClip:
        """What outputs of the whole clip are measured along."""
        return SourceClip(self.pixels)


def read_frames(path: Path, width: int, height: int, frames: int) -> np.ndarray:
    """A video's first frames, fewer where it is shorter, cropped to a size: uint8 RGB (N, H, W, 3)."""
    source = SourceSpec("file", str(path)).open()
    try:
        source.start(width, height, "crop")
        read = source.read(frames)
    finally:
        source.close()
    assert read is not None  # opening a source decodes its first frame
    return read.pixels


def read_clip(path: Path, size: int, frames: int) -> Clip:
    """The first ``frames`` frames of a video, fewer where it is shorter."""
    return Clip(path.stem, read_frames(path, size, size, frames))


def read_clips(folder: Path, size: int, frames: int, part: str = "") -> list[Clip]:
    """Every video of a folder, or those of the ``"tune"`` or ``"test"`` set, in name order.

    Raises:
        FileNotFoundError: there is none.
    """
    if part:
        return [read_clip(path, size, frames) for path in clips_of(folder, part)]
    paths = sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise FileNotFoundError(f"No video in {folder}: name a folder of clips with --clips.")
    return [read_clip(path, size, frames) for path in paths]


def to_and_fro(pixels: np.ndarray, length: int, period: int = 64) -> np.ndarray:
    """A clip played forward and backward until there are ``length`` frames.

    It turns after ``period // 2 + 1`` frames (earlier where the clip is shorter), so that every
    window of ``period`` frames shows the same pictures and what changes is not the content.
    """
    last = min(len(pixels) - 1, period // 2)
    once = np.concatenate([np.arange(last), np.arange(last, 0, -1)]) if last else np.zeros(1, int)
    return pixels[np.resize(once, length)]


def spliced(before: np.ndarray, after: np.ndarray, at: int) -> np.ndarray:
    """A hard cut: the last ``at`` frames of one clip, then another."""
    return np.concatenate([before[-at:], after])

"""Pictures of an IMAGE batch in memory, and of a folder of image files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from ..errors import MediaError
from .colour import Colour
from .containers import open_input
from .resize import Layout, Picture, colour_of, orientation_of
from .sampled_source import PictureReader
from .sampling import Timed, exact_rate

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


class _NumberedReader(PictureReader):
    """Pictures that have a number instead of a timestamp."""

    regular = True
    frames: int

    def __init__(self, name: str, count: int, fps: float) -> None:
        super().__init__()
        if count == 0:
            raise MediaError(f"{name} holds no images: connect or choose at least one.")
        if fps <= 0:
            raise MediaError(f"{name} needs a frame rate: set fps above 0, to 24 for example.")
        self.name = name
        self.rate = exact_rate(fps)
        self.frames = count
        self.duration = count / self.rate

    def pictures(self, start: Fraction) -> Iterator[Timed[Picture]]:
        step = 1 / self.rate
        for index in range(min(floor(start * self.rate), self.frames), self.frames):
            yield Timed(index * step, step, self._picture(index))

    def _picture(self, index: int) -> Picture:
        raise NotImplementedError


class BatchReader(_NumberedReader):
    """An IMAGE batch: float32 in 0..1, shape (N, H, W, 3 or 4), an array or a tensor on any device."""

    def __init__(self, name: str, batch: Any, fps: float) -> None:
        super().__init__(name, len(batch), fps)
        self._batch = batch
        height, width = batch.shape[1:3]
        self.size = (int(width), int(height))

    def _picture(self, index: int) -> Picture:
        # One image at a time: the batch is never copied as a whole.
        image = torch.as_tensor(self._batch[index], dtype=torch.float32, device="cpu").numpy()[..., :3]
        pixels = (np.nan_to_num(image).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        return Picture(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24"))


class FolderReader(_NumberedReader):
    """All images of a folder, in the natural order of their names (2 before 10)."""

    def __init__(self, folder: str, fps: float) -> None:
        path = Path(folder)
        if not path.is_dir():
            raise MediaError(f"{folder} is not a folder: choose the folder that holds the image sequence.")
        # macOS writes "._name" beside every file on foreign disks.
        files = [
            file
            for file in path.iterdir()
            if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
        ]
        self._files = sorted(files, key=_natural)
        super().__init__(folder, len(files), fps)
        self.size = Layout.of(self._picture(0)).display_size

    def _picture(self, index: int) -> Picture:
        file = self._files[index]
        with open_input(str(file), str(file)) as container:
            try:
                frame = next(container.decode(video=0), None)
                colour = colour_of(frame, container.streams.video[0].codec_context) if frame else Colour()
            except (av.error.FFmpegError, IndexError) as error:
                raise MediaError(f"{file} can't be decoded: replace this image or remove it.") from error
        if frame is None:
            raise MediaError(f"{file} holds no picture: replace this image or remove it.")
        return Picture(frame, orientation=orientation_of(frame), colour=colour)


def _natural(file: Path) -> list[tuple[int, str]]:
    """Sort key: digits compare as numbers."""
    parts = re.split(r"(\d+)", file.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]

"""What nodes read: the one source of FrameStreamIO as a value that a plan can carry, and pictures."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from ..engine.errors import MediaError, SettingError
from ..engine.media.live.choice import LiveChoice, live_source
from ..engine.media.sources import SourceSpec
from ..engine.media.types import Trim
from ..server.examples import example_names
from . import host
from .paths import media_path

VIDEO_SUFFIXES = frozenset(".mp4 .m4v .mov .mkv .webm .avi .gif .mpg .mpeg .ts .mts .wmv .flv .ogv".split())

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Choice:
    """The source inputs of the node as they arrived; unused ones are empty or None."""

    file: str = ""
    path: str = ""
    video: Any = None
    images: Any = None
    live: LiveChoice = LiveChoice()

    def used(self) -> list[str]:
        """Names of the inputs that name a source."""
        given = {
            "file": bool(self.file),
            "path": bool(self.path.strip()),
            "video": self.video is not None,
            "images": self.images is not None,
            f"source {self.live.source}": self.live.source != "file",
        }
        return [name for name, is_given in given.items() if is_given]


def videos() -> list[str]:
    """The pack's example videos, then those in ComfyUI's input folder."""
    return _media(VIDEO_SUFFIXES)


def pictures() -> list[str]:
    """The pack's example pictures, then those in ComfyUI's input folder."""
    return _media(PICTURE_SUFFIXES)


def _media(suffixes: frozenset[str]) -> list[str]:
    files = (name for name in host.input_files() if os.path.splitext(name)[1].lower() in suffixes)
    return [*example_names(suffixes), *files]


def read_picture(name: str) -> torch.Tensor:
    """A picture that ``pictures`` lists: float32 RGB of shape (height, width, 3), 0..1, upright.

    Raises:
        MediaError: it is not there, or no picture.
    """
    try:
        with Image.open(media_path(name)) as file:
            pixels = np.array(ImageOps.exif_transpose(file).convert("RGB"))
    except OSError as error:
        raise MediaError(f"'{name}' can't be read as a picture: choose another one.") from error
    return torch.from_numpy(pixels).float().div_(255)


def source_of(choice: Choice, trim: Trim, images_fps: float) -> SourceSpec:
    """The one source that was chosen.

    Raises:
        SettingError: none was, or several.
        MediaError: the file is not there, or not in ComfyUI's folders.
    """
    used = choice.used()
    if not used:
        raise SettingError(
            "FrameStreamIO has nothing to read: choose a file, or connect video, images or frames."
        )
    if len(used) > 1:
        raise SettingError(
            f"FrameStreamIO reads one source, but {' and '.join(used)} are given: keep one of them."
        )
    if choice.live.source != "file":
        return live_source(choice.live, trim)
    if choice.images is not None:
        pixels = choice.images[..., :3]
        return SourceSpec(
            "images",
            payload=pixels,
            fingerprint=f"{tuple(pixels.shape)}-{id(choice.images):x}",
            trim=trim,
            fps=images_fps,
        )
    if choice.video is not None:
        return _from_video(choice.video, trim)
    path = media_path(choice.file or choice.path.strip())
    kind = "sequence" if os.path.isdir(path) else "file"
    return SourceSpec(kind, path, fingerprint=file_fingerprint(path), trim=trim, fps=images_fps)


def file_fingerprint(path: str) -> str:
    """Size and time of a file or folder, not its content."""
    status = os.stat(path)
    return f"{status.st_size}-{status.st_mtime_ns}"


def within_window(trim: Trim, start: float, duration: float) -> Trim:
    """A trim of what a window shows, as a trim of the whole; a duration of 0 reaches to the end."""
    if duration:
        left = duration - trim.start
        if left <= 0:
            raise SettingError(
                f"start is {trim.start:g}, but the trimmed video ends at {duration:g} s: lower start."
            )
        duration = min(left, trim.duration or left)
    return replace(trim, start=start + trim.start, duration=duration or trim.duration)


def _from_video(video: Any, trim: Trim) -> SourceSpec:
    """A core VIDEO, decoded as it plays; a file's path stays a path.

    Newer cores keep a trim beside the file ("Trim Video") instead of cutting it.
    """
    source = video.get_stream_source()
    if hasattr(video, "get_active_trim_window"):
        trim = within_window(trim, *video.get_active_trim_window())
    if isinstance(source, str):
        return SourceSpec("file", source, fingerprint=file_fingerprint(source), trim=trim)
    return SourceSpec("file", payload=source, fingerprint=f"memory-{id(video):x}", trim=trim)

"""What to read, as a value that a plan can carry, and how to open it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from .containers import MediaInput, open_input
from .file_source import FileReader
from .image_source import BatchReader, FolderReader
from .sampled_source import PictureReader, SampledSource
from .tracks import MediaFile, TrackChoice
from .types import FrameSource, Trim


@dataclass(frozen=True)
class SourceSpec:
    """A source before it is opened.

    Attributes:
        kind: ``file`` (a video), ``images`` (an IMAGE batch) or ``sequence`` (a folder of images);
            live kinds are opened by ``live.source_spec.LiveSpec``.
        location: path of the file or folder; with a payload, a name for errors.
        payload: a video in memory (bytes, BytesIO, or a function that returns a BytesIO), or a
            float32 batch in 0..1 of shape (N, H, W, 3), array or CPU tensor.
        fingerprint: stands for the payload, and for the file's content, in equality.
        trim: which frames to take.
        fps: frames a second of images; a video has its own.
        tracks: which tracks of a video are played.
        background: RGB, 0..255, under what is transparent.
    """

    kind: Literal["file", "images", "sequence", "network", "camera", "screen", "ndi", "pushed"]
    location: str = ""
    payload: Any = field(compare=False, repr=False, default=None)
    fingerprint: str = ""
    trim: Trim = Trim()
    fps: float = 24.0
    tracks: TrackChoice = TrackChoice()
    background: tuple[int, int, int] = (0, 0, 0)

    @property
    def label(self) -> str:
        """What to call it while it is opened."""
        return self.location or "the source"

    def open(self) -> FrameSource:
        """Open the source and decode its first frame.

        Raises:
            MediaError: one line that names the source and what to do.
        """
        return SampledSource(self._reader(), self.trim, self.background)

    def _reader(self) -> PictureReader:
        if self.kind == "images":
            return BatchReader(self.location or "The IMAGE input", self.payload, self.fps)
        if self.kind == "sequence":
            return FolderReader(self.location, self.fps)
        name = self.location or "The VIDEO input"
        media = self.location if self.payload is None else self.payload
        path = self.location if self.payload is None else ""
        return FileReader(name, partial(_open_file, media, name, self.tracks), path)


def _open_file(media: MediaInput, name: str, tracks: TrackChoice) -> MediaFile:
    return MediaFile(open_input(media, name), name, tracks)

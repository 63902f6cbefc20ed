"""What to write, as a value that a plan can carry, and how to open it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import MediaError
from .encoders import Codec
from .types import AudioTrack, FrameSink
from .video_sink import VideoSink

_NUMBER = re.compile(r"_(\d+)_\.mp4$")
_lock = threading.Lock()
_given: set[str] = set()

Tags = tuple[tuple[str, str], ...]
"""Container tags: names and texts."""

LastTags = Callable[[Tags, Mapping[str, Any], Mapping[str, Any]], Tags]
"""Makes of tags, live values and the modulators that move them the tags that a file keeps."""


@dataclass(frozen=True)
class SinkSpec:
    """An H.264 mp4 before it is opened.

    Attributes:
        path: a file that does not exist yet; missing folders are made. It may contain ``%width%`` and
            ``%height%``, and ends with ``_00001_.mp4`` then.
        codec: ``auto`` takes NVENC where it works, else libx264.
        quality: constant quality, 0 (best) to 51; 18 is hard to tell from the original.
        metadata: container tags; ``prompt`` and ``workflow`` (JSON) restore the graph on drop.
        last_metadata: asked at the file's end which of ``metadata`` are others then.
        keep_last: how many of the last frames to hand back as pixels.
        record: whether writing begins with the first frame, or when it is switched on.
        first: number of the first frame that may be written; what comes before it is only played.
        keep_take: whether what is changed live is kept as a take beside the file.
        keep_audio_codec: copy Opus, AC-3 and FLAC as they are, though QuickTime, Premiere and some
            browsers don't play them in mp4; else they become AAC.
    """

    path: str
    codec: Codec = "auto"
    quality: int = 18
    metadata: Tags = ()
    last_metadata: LastTags | None = field(default=None, compare=False)
    keep_last: int = 0
    record: bool = True
    first: int = 0
    keep_take: bool = False
    keep_audio_codec: bool = False

    def sized(self, width: int, height: int) -> SinkSpec:
        """With ``%width%`` and ``%height%`` in the path filled in, under the next number that is free."""
        path = self.path.replace("%width%", str(width)).replace("%height%", str(height))
        if path == self.path:
            return self
        with _lock:
            while path in _given or Path(path).exists():
                path = _NUMBER.sub(lambda found: f"_{int(found[1]) + 1:05}_.mp4", path)
            _given.add(path)
        return replace(self, path=path)

    def open(self, width: int, height: int, fps: Fraction, audio: AudioTrack | None) -> FrameSink:
        """Start the file.

        Args:
            width, height: of the frames to come, in pixels.
            fps: their average rate; timestamps may vary.
            audio: goes along: whole where the source ended by itself, else as long as the video is.

        Raises:
            MediaError: one line that names the file and what to do.
        """
        path = Path(self.path)
        if path.exists():
            raise MediaError(f"{path} exists and is not overwritten: choose another name.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(
                f"{path.parent} can't be made ({error.strerror}): choose another folder."
            ) from error
        return VideoSink(
            path,
            (width, height),
            fps,
            audio,
            keep_audio_codec=self.keep_audio_codec,
            codec=self.codec,
            quality=self.quality,
            metadata=self.metadata,
            keep_last=self.keep_last,
        )

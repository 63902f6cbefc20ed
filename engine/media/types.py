"""What frame sources and sinks exchange."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from .status import SourceStatus, TargetStatus
from .tracks import MediaFile
from .volume import Volume

Resize = Literal["crop", "letterbox", "stretch"]


@dataclass(frozen=True)
class Trim:
    """Which frames of a source to take.

    Attributes:
        start: seconds to skip at the beginning.
        duration: seconds to take; 0 takes everything.
        every_nth: keep one frame of this many.
        fps: resample to this constant rate; 0 keeps the source's timestamps.
    """

    start: float = 0.0
    duration: float = 0.0
    every_nth: int = 1
    fps: float = 0.0


@dataclass(frozen=True)
class MediaInfo:
    """What is known of a source before its first frame is read.

    Attributes:
        width, height: display size in pixels, after rotation and pixel aspect.
        fps: average frames a second after trimming and resampling.
        frames: how many frames will come, or None where only the end will tell (an estimate is None).
        duration: seconds, or None.
        has_audio: whether an audio track can travel along.
        endless: True for live sources.
    """

    width: int
    height: int
    fps: Fraction
    frames: int | None = None
    duration: float | None = None
    has_audio: bool = False
    endless: bool = False


@dataclass(frozen=True)
class Frames:
    """Consecutive frames of a stream, from the source to the target, with what is bound to them.

    Attributes:
        pixels: uint8 RGB, shape (N, H, W, 3), C-contiguous; (N, 0, 0, 3) until a model without a
            source has drawn them.
        index: position of the first one in the stream.
        pts: seconds since the stream's start, one per frame.
        captured_at: ``time.monotonic()`` at which each was captured or decoded; empty where a file's
            decoder leaves that to its reader.
        source: the frames that these were made from, or the stream that they are compared with;
            shaped like ``pixels``, or None.
        chunk: number of the chunk in which they were read or made.
    """

    pixels: np.ndarray
    index: int
    pts: tuple[Fraction, ...]
    captured_at: tuple[float, ...] = ()
    source: np.ndarray | None = None
    chunk: int = 0

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, part: slice) -> Frames:
        """A run of them, in steps of 1; it shares the pixels' memory."""
        return replace(
            self,
            pixels=self.pixels[part],
            index=self.index + part.indices(len(self))[0],
            pts=self.pts[part],
            captured_at=self.captured_at[part],
            source=None if self.source is None else self.source[part],
        )

    @staticmethod
    def undrawn(index: int, pts: tuple[Fraction, ...], captured_at: tuple[float, ...] = ()) -> Frames:
        """Frames that a model has yet to draw."""
        return Frames(np.empty((len(pts), 0, 0, 3), np.uint8), index, pts, captured_at)

    @property
    def drawn(self) -> bool:
        """Whether there are pixels."""
        return self.pixels.size > 0

    @property
    def begins(self) -> Fraction | None:
        """When the first one is due, in seconds since the stream's start; None where there is none."""
        return self.pts[0] if self.pts else None

    def padded(self, count: int) -> Frames:
        """The last frame repeated until there are ``count``."""
        return Frames.join([self, *[self[-1:]] * (count - len(self))])

    @staticmethod
    def join(parts: Sequence[Frames]) -> Frames:
        """One run of several that follow each other; a single one is passed on as it is."""
        if len(parts) == 1:
            return parts[0]
        sources = [part.source for part in parts if part.source is not None]
        return replace(
            parts[0],
            pixels=np.concatenate([part.pixels for part in parts]),
            pts=tuple(moment for part in parts for moment in part.pts),
            captured_at=tuple(moment for part in parts for moment in part.captured_at),
            source=np.concatenate(sources) if sources else None,
        )


@dataclass(frozen=True)
class AudioTrack:
    """Audio that belongs to a source.

    Attributes:
        open: gives the file at its beginning; its chosen audio stream is meant.
        start: where the frames' time 0 lies on the file's timeline, seconds.
        duration: seconds to take from there; 0 takes everything.
        volume: how loud it is made for a target; None leaves it as it is.
        begins: second of the stream, and so of ``volume``, that is the target's time 0.
    """

    open: Callable[[], MediaFile]
    start: float = 0.0
    duration: float = 0.0
    volume: Volume | None = field(default=None, compare=False, repr=False)
    begins: Fraction = Fraction(0)


@dataclass(frozen=True)
class Ending:
    """How a source ended by itself.

    Attributes:
        last: when its last frame begins, seconds since the stream's start.
        end: when that frame ends; it may be held for much longer than the others.
        complete: False where the source has lost a part that was to be read.
    """

    last: Fraction
    end: Fraction
    complete: bool = True


class FrameSource(ABC):
    """An opened source. One reader thread; ``stop`` may come from any thread."""

    info: MediaInfo
    audio: AudioTrack | None

    def connect(self, given_up: Callable[[], bool]) -> None:
        """Wait until ``info`` is known; a file's is at once.

        Args:
            given_up: asked a few times a second; True ends the wait with a MediaError.

        Raises:
            MediaError: there is no picture.
        """

    @abstractmethod
    def start(self, width: int, height: int, resize: Resize) -> None:
        """Fix the size that ``read`` delivers; the decoder resizes, once."""

    @abstractmethod
    def read(self, count: int) -> Frames | None:
        """The next frames: ``count`` of them, fewer at the end, None after it."""

    def status(self) -> SourceStatus | None:
        """How a live source is doing; None for one that can't be late."""
        return None

    def ending(self) -> Ending | None:
        """How the source ended; None before that, after ``stop`` and for live ones. From any thread."""
        return None

    @abstractmethod
    def stop(self) -> None:
        """End the source at the next frame."""

    @abstractmethod
    def close(self) -> None:
        """Release everything; harmless when repeated."""


@dataclass(frozen=True)
class SinkResult:
    """What a sink leaves behind.

    Attributes:
        path: the file, or None where nothing playable was written.
        frames: frames written.
        tail: the last frames that were asked for, uint8 (n, H, W, 3), or None.
        complete: False where the stream ended early, or its source had lost a part.
    """

    path: Path | None
    frames: int
    tail: np.ndarray | None = None
    complete: bool = True


class FrameSink(ABC):
    """A target being written. One writer thread.

    Attributes:
        ending: how the source of the frames ended, asked by ``close``; set by whoever opens the sink.
        last_tags: container tags that take the place of those the file began with; asked by ``close``.
    """

    ending: Callable[[], Ending | None] = staticmethod(lambda: None)
    last_tags: Callable[[], tuple[tuple[str, str], ...]] = staticmethod(lambda: ())

    @abstractmethod
    def write(self, frames: Frames) -> None:
        """Append frames; raises MediaError with one line when the disk is full."""

    def status(self) -> TargetStatus | None:
        """How the target is doing; None where there is nothing to say. From any thread."""
        return None

    @abstractmethod
    def close(self) -> SinkResult:
        """Clean end: flush, add the rest of the audio, make the file seekable."""

    @abstractmethod
    def abort(self) -> SinkResult:
        """Early end: leave what is there as a playable file, within 2 s."""

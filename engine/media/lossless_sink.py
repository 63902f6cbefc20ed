"""What a source gave, frame by frame and to the bit: FFV1 in Matroska, which any player and editor reads."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ..errors import MediaError
from .status import TargetStatus
from .types import AudioTrack, Frames, FrameSink, SinkResult

TICK = Fraction(1, 1000)
"""Seconds of Matroska's clock."""

FAILURES = (av.error.FFmpegError, OSError)


@dataclass(frozen=True)
class LosslessSpec:
    """An FFV1 file before it is opened.

    Attributes:
        path: a file that does not exist yet.
        first: number of the first frame that is written.
    """

    path: str
    first: int = 0

    def open(self, width: int, height: int, fps: Fraction, audio: AudioTrack | None) -> FrameSink:
        """Start the file; its sound stays behind.

        Raises:
            MediaError: it can't be written.
        """
        return LosslessSink(Path(self.path), (width, height), fps, self.first)


class LosslessSink(FrameSink):
    """Keeps pixels and timestamps. A process that is killed leaves a file that plays.

    Args:
        path: see ``LosslessSpec``.
        size: (width, height) of the frames in pixels.
        fps: average frames a second.
        first: see ``LosslessSpec``.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: Fraction, first: int = 0) -> None:
        self._path = path
        self._first = first
        self._written = 0
        self._last = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
            self._output = av.open(self._file, "w", format="matroska", options={"flush_packets": "1"})
            self._stream = self._output.add_stream("ffv1", fps.limit_denominator(10_000))
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "bgr0"  # the only RGB of eight bits that FFV1 has
            self._stream.time_base = TICK
            # Every frame stands for itself and is coded in slices, on several cores.
            self._stream.options = {"level": "3", "g": "1", "slices": "4", "slicecrc": "1"}
        except FAILURES as error:
            raise self._failure(error) from error

    def write(self, frames: Frames) -> None:
        frames = frames[max(0, self._first - frames.index) :]
        try:
            for pixels, moment in zip(frames.pixels, frames.pts, strict=True):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                self._last = max(round(moment / TICK), self._last + 1)
                frame.pts, frame.time_base = self._last, TICK
                self._output.mux(self._stream.encode(frame))
                self._written += 1
        except FAILURES as error:
            raise self._failure(error) from error

    def status(self) -> TargetStatus:
        return TargetStatus("file", "recording", "", self._written, file=self._path.name)

    def close(self) -> SinkResult:
        return self._finish(complete=True)

    def abort(self) -> SinkResult:
        return self._finish(complete=False)

    def _finish(self, complete: bool) -> SinkResult:
        try:
            self._output.mux(self._stream.encode(None))
            self._output.close()
        except FAILURES as error:
            if complete:
                raise self._failure(error) from error
        finally:
            self._file.close()
        if not self._written:
            self._path.unlink(missing_ok=True)
            return SinkResult(None, 0, complete=False)
        return SinkResult(self._path, self._written, complete=complete)

    def _failure(self, error: Exception) -> MediaError:
        return MediaError(
            f"The source can't be recorded as {self._path.name} ({error}): free some space, or switch "
            "record_source off."
        )

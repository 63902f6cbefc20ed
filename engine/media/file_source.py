"""Pictures of a video file or buffer, decoded as they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain, pairwise

import av

from ..errors import MediaError
from ..log import log
from .geometry import Orientation
from .resize import Layout, Picture, orientation_of
from .sampled_source import PictureReader
from .sampling import Timed, seconds
from .types import AudioTrack, Trim

_DECODER_THREADS = min(4, os.cpu_count() or 1)
_UNKNOWN_RATE = 25
_MILLISECOND = Fraction(1, 1000)
# Decoding this many seconds is cheaper than seeking.
_SEEK_FROM = Fraction(1)


class FileReader(PictureReader):
    """The first video stream of a container."""

    def __init__(self, name: str, open_container: Callable[[], av.container.InputContainer]) -> None:
        """Open the container and decode its first frame.

        Args:
            name: what to call it in errors.
            open_container: gives a fresh container at its beginning, any number of times.

        Raises:
            MediaError: it can't be opened, has audio only, or not a single frame.
        """
        self.name = name
        self._open_container = open_container
        self._has_audio = False
        self._open()
        self._frames = self._decode()
        try:
            first = next(self._frames, None)
            if first is None:
                raise MediaError(f"{name} has no frame that can be decoded: export it again, as mp4.")
        except MediaError:
            self._container.close()
            raise
        self._first: av.VideoFrame | None = first
        self._zero = _time(first) or Fraction(0)
        self._rotation = 0
        self._orientation = Orientation()
        self.size = Layout.of(self._picture(first)).display_size
        self.frames, step = _count(self._stream)
        self.regular = step is not None
        average = self._stream.average_rate or self._stream.guessed_rate or _UNKNOWN_RATE
        self.rate = 1 / step if step else Fraction(average)
        self.duration = self._length()

    def pictures(self, start: Fraction) -> Iterator[Timed[Picture]]:
        """See ``PictureReader``; may be called once."""
        assert self._first is not None
        frames: Iterator[av.VideoFrame] = chain((self._first,), self._frames)
        self._first = None
        # AVI stores no times of display, only an order: its frames are counted, from the first.
        counted = self._container.format.name == "avi"
        if start > _SEEK_FROM and not counted:
            frames = self._seek(start) or frames
        step = 1 / self.rate
        time = -step
        for frame in frames:
            stamp = None if counted else _time(frame)
            time = time + step if stamp is None else self._regular(stamp - self._zero)
            ticks = getattr(frame, "duration", 0)  # PyAV 14 does not tell.
            duration = ticks * frame.time_base if ticks else step
            yield Timed(time, duration, self._picture(frame))

    def audio(self, trim: Trim) -> AudioTrack | None:
        if not self._has_audio:
            return None
        return AudioTrack(self._open_container, float(self._zero + seconds(trim.start)), trim.duration)

    def close(self) -> None:
        self._container.close()

    def _open(self) -> None:
        self._container = self._open_container()
        covers = av.stream.Disposition.attached_pic
        videos = [stream for stream in self._container.streams.video if not stream.disposition & covers]
        # A stream that can't be decoded here has no codec context.
        self._has_audio = any(stream.codec_context for stream in self._container.streams.audio)
        if not videos:
            self._container.close()
            what = "audio only" if self._has_audio else "no video"
            raise MediaError(f"{self.name} has {what}: choose a file with a picture track.")
        self._stream = videos[0]
        if self._stream.codec_context is None:
            self._container.close()
            raise MediaError(f"{self.name} uses a codec that can't be decoded here: export it as H.264 mp4.")
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _DECODER_THREADS

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Frames to the end; damaged ones are left out, as players do."""
        damaged = 0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.error.InvalidDataError:
                    damaged += 1
        except av.error.EOFError:
            pass
        except av.error.FFmpegError as error:
            log.warning("%s ends early: %s", self.name, error.strerror)
        if damaged:
            log.warning("%s has %d damaged packets; they are left out", self.name, damaged)

    def _seek(self, start: Fraction) -> Iterator[av.VideoFrame] | None:
        """Frames from a keyframe at or before ``start``; None where the container can't seek."""
        target = int((self._zero + start) / self._stream.time_base)
        try:
            self._container.seek(target, stream=self._stream)
            frames = self._decode()
            first = next(frames, None)
            time = None if first is None else _time(first)
            if time is not None and time - self._zero <= start:
                return chain((first,), frames)
        except av.error.FFmpegError as error:
            log.info("%s can't seek (%s): decoding from the beginning", self.name, error.strerror)
        self._container.close()
        self._open()
        self._frames = self._decode()
        return self._frames

    def _regular(self, time: Fraction) -> Fraction:
        """Undo Matroska's rounding to milliseconds, so that a constant rate stays constant."""
        ideal = round(time * self.rate) / self.rate
        if self._stream.time_base == _MILLISECOND and abs(time - ideal) <= _MILLISECOND:
            return ideal
        return time

    def _picture(self, frame: av.VideoFrame) -> Picture:
        if frame.rotation != self._rotation:
            self._rotation, self._orientation = frame.rotation, orientation_of(frame)
        aspect = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio
        return Picture(frame, Fraction(aspect or 1), self._orientation)

    def _length(self) -> Fraction | None:
        if self.frames is not None:
            return self.frames / self.rate
        if self._stream.duration:
            return self._stream.duration * self._stream.time_base
        if self._container.duration:
            return Fraction(self._container.duration, av.time_base)
        return None


def _time(frame: av.VideoFrame) -> Fraction | None:
    """Seconds on the container's clock."""
    return None if frame.pts is None else frame.pts * frame.time_base


def _count(stream: av.VideoStream) -> tuple[int | None, Fraction | None]:
    """(frames, seconds between them if that is constant) where the container lists every frame.

    Only an mp4 or mov index does; entries that an edit list hides are marked there.
    """
    entries = list(stream.index_entries) if hasattr(stream, "index_entries") else []
    # An older PyAV gives no index; then nothing is known.
    if not stream.frames or len(entries) != stream.frames:
        return None, None
    shown = [entry.timestamp for entry in entries if not entry.is_discard]
    steps = {later - earlier for earlier, later in pairwise(shown)}
    return len(shown), steps.pop() * stream.time_base if len(steps) == 1 else None

"""Pictures of a video file or buffer, decoded as they are needed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from itertools import chain, pairwise

import av

from ..errors import MediaError
from .geometry import Orientation
from .resize import Layout, Picture, colour_of, orientation_of
from .sampled_source import PictureReader
from .sampling import Timed, seconds
from .tracks import MediaFile
from .types import AudioTrack, Trim
from .wholeness import FileWatch

_DECODER_THREADS = min(4, os.cpu_count() or 1)
_UNKNOWN_RATE = 25
_MILLISECOND = Fraction(1, 1000)
# Decoding this many seconds is cheaper than seeking.
_SEEK_FROM = Fraction(1)
_LONGEST_LEAD = 10
_CLOCK = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


class FileReader(PictureReader):
    """The chosen video track of a file."""

    def __init__(self, name: str, open_file: Callable[[], MediaFile], path: str = "") -> None:
        """Open the file and decode its first frame.

        Args:
            name: what to call it in errors.
            open_file: gives the file at its beginning, any number of times.
            path: where it lies; empty for one in memory.

        Raises:
            MediaError: it can't be opened, has audio only, or not a single frame.
        """
        super().__init__()
        self.name = name
        self._open_file = open_file
        self._cut_short = False
        self._open()
        for line in self._file.remarks:
            self.remark(line)
        self._watch = FileWatch(path) if path else None
        self.whole()
        self._frames = self._decode(self._file.packets(self._stream))
        try:
            first = next(self._frames, None)
            if first is None:
                raise MediaError(f"{name} has no frame that can be decoded: export it again, as mp4.")
        except MediaError:
            self._file.close()
            raise
        self._first: av.VideoFrame | None = first
        self._zero = _zero(self._file, _time(first) or Fraction(0))
        self._lead = (_time(first) or self._zero) - self._zero
        self._rotation = 0
        self._orientation = Orientation()
        self.size = Layout.of(self._picture(first)).display_size
        self.frames, step = _count(self._stream)
        average = self._stream.average_rate or self._stream.guessed_rate or _UNKNOWN_RATE
        self.rate = 1 / step if step else Fraction(average)
        self.end = _end(self._file, self._zero)
        self.duration = self.end or self._length()
        self.length_known = not self._file.jumps
        # The last frame may be held for longer than the others.
        even = step is not None and self.duration is not None and self.frames is not None
        self.regular = even and abs(self.duration - self.frames * step) <= step / 2

    def pictures(self, start: Fraction) -> Iterator[Timed[Picture]]:
        """See ``PictureReader``; may be called once."""
        assert self._first is not None
        frames: Iterator[av.VideoFrame] = chain((self._first,), self._frames)
        self._first = None
        if start > _SEEK_FROM and not self._file.ordered_only:
            frames = self._seek(start)
        step = 1 / self.rate
        last: Fraction | None = None
        for frame in frames:
            stamp = _time(frame)
            if last is None:
                last = self._lead if stamp is None else self._regular(stamp - self._zero)
            else:
                # Without a timestamp, or where it goes back, frames are counted.
                times = () if stamp is None else (self._regular(stamp - self._zero), stamp - self._zero)
                last = next((time for time in times if time > last), last + step)
            ticks = getattr(frame, "duration", 0)  # PyAV 14 does not tell.
            yield Timed(last, ticks * frame.time_base if ticks else step, self._picture(frame))

    def audio(self, trim: Trim) -> AudioTrack | None:
        if self._file.audio is None:
            return None
        return AudioTrack(self._open_file, float(self._zero + seconds(trim.start)), trim.duration)

    def whole(self) -> bool:
        fault = self._watch.fault() if self._watch is not None else ""
        if fault:
            self.remark(f"{self.name} {fault}.")
        return not fault and not self._cut_short

    def close(self) -> None:
        self._file.close()
        # The decoder and its threads end with the last reference to the stream: also one in a frame's.
        self._frames, self._first = iter(()), None

    def _open(self) -> None:
        self._file = self._open_file()
        if self._file.video is None:
            self._file.close()
            if self._file.has_picture:
                raise MediaError(
                    f"{self.name} uses a codec that can't be decoded here: export it as H.264 mp4."
                )
            what = "audio only" if self._file.audio is not None else "no video"
            raise MediaError(f"{self.name} has {what}: choose a file with a picture track.")
        self._stream = self._file.video
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = _DECODER_THREADS

    def _decode(self, packets: Iterable[av.Packet]) -> Iterator[av.VideoFrame]:
        """Frames to the end; damaged ones are left out, as players do."""
        damaged = 0
        places: list[int] = []
        try:
            for packet in packets:
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    damaged += 1
                    continue
                if self._file.ordered_only:
                    if packet.dts is not None:
                        heappush(places, packet.dts)
                    for frame in frames:
                        frame.pts = heappop(places) if places else None
                yield from frames
        except av.error.EOFError:
            pass
        except av.error.FFmpegError as error:
            self._cut_short = True
            self.remark(f"{self.name} ends early ({error.strerror}): copy or download it again.")
        if damaged:
            self.remark(f"{self.name} has {damaged} damaged packets; they are left out.")

    def _seek(self, start: Fraction) -> Iterator[av.VideoFrame]:
        """Frames from one at or before ``start``, or from the beginning where there is none."""
        if self._file.seek(self._stream, self._zero + start):
            frames = self._decode(self._file.packets(self._stream))
            first = next(frames, None)
            if first is not None:
                time = _time(first)
                if time is not None and time - self._zero <= start:
                    return chain((first,), frames)
        self._file.close()
        self._open()
        packets = _from_keyframe(self._file.packets(self._stream), self._zero + start)
        return self._decode(packets)

    def _regular(self, time: Fraction) -> Fraction:
        """Undo Matroska's rounding to milliseconds, so that a constant rate stays constant."""
        if self._stream.time_base == _MILLISECOND:
            ideal = round(time * self.rate) / self.rate
            if abs(time - ideal) <= _MILLISECOND:
                return ideal
        return time

    def _picture(self, frame: av.VideoFrame) -> Picture:
        if frame.rotation != self._rotation:
            self._rotation, self._orientation = frame.rotation, orientation_of(frame)
        aspect = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio
        colour = colour_of(frame, self._stream.codec_context)
        return Picture(frame, Fraction(aspect or 1), self._orientation, colour)

    def _length(self) -> Fraction | None:
        """A guess where the track itself does not tell."""
        if self.frames is not None:
            return self.frames / self.rate
        length = self._file.container.duration
        return Fraction(length, av.time_base) if length else None


def _time(frame: av.VideoFrame) -> Fraction | None:
    """Seconds on the timeline."""
    return None if frame.pts is None else frame.pts * frame.time_base


def _zero(file: MediaFile, first: Fraction) -> Fraction:
    """Where time 0 lies: at the first frame, in a recorded stream at sound that begins before it."""
    if file.jumps and file.audio is not None and file.audio.start_time is not None:
        begin = file.audio.start_time * file.audio.time_base
        if first - _LONGEST_LEAD < begin < first:
            return begin
    return first


def _end(file: MediaFile, zero: Fraction) -> Fraction | None:
    """When the last frame of the video track ends, seconds after its first; None where only reading tells."""
    stream = file.video
    assert stream is not None
    if file.jumps:
        return None
    end: Fraction | None = None
    if stream.duration:
        end = ((stream.start_time or 0) + stream.duration) * stream.time_base
    elif written := _CLOCK.fullmatch(stream.metadata.get("DURATION", "")[:15]):  # Matroska's tag
        hours, minutes, rest = written.groups()
        end = (int(hours) * 60 + int(minutes)) * 60 + Fraction(rest)
    elif len(file.container.streams) == 1 and file.container.duration:
        end = Fraction((file.container.start_time or 0) + file.container.duration, av.time_base)
    return None if end is None or end <= zero else end - zero


def _from_keyframe(packets: Iterator[av.Packet], time: Fraction) -> Iterator[av.Packet]:
    """Packets from the last keyframe at or before ``time``: what lies before it need not be decoded."""
    held: list[av.Packet] = []
    for packet in packets:
        shown = packet.dts if packet.pts is None else packet.pts
        late = shown is not None and shown * packet.time_base > time
        if packet.is_keyframe and not late:
            held.clear()
        held.append(packet)
        if late:
            break
    yield from held
    yield from packets


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

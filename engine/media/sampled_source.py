"""The reading half that all sources share: sampling, resizing, batching, stopping."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..errors import MediaError
from ..log import log
from .resize import Picture, Resizer
from .sampling import Timed, count_samples, exact_rate, sample, sampled_rate, seconds
from .status import SourceStatus
from .types import AudioTrack, Ending, Frames, FrameSource, MediaInfo, Resize, Trim


class PictureReader(ABC):
    """What a kind of source has to know: its pictures in order of time.

    Attributes:
        name: what to call the source in errors.
        size: (width, height) as seen.
        rate: average frames a second.
        regular: whether the frames are known to come at exactly ``rate``.
        frames: how many there are, or None where only reading will tell.
        duration: seconds, or None.
        length_known: whether ``duration`` is more than a guess.
        end: when the last picture ends, seconds, where the container tells; None leaves it to the
            picture's own duration.
        remarks: what the artist should know of the source, each in one line.
    """

    name: str
    size: tuple[int, int]
    rate: Fraction
    regular: bool = False
    frames: int | None = None
    duration: Fraction | None = None
    length_known: bool = True
    end: Fraction | None = None

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def remark(self, line: str) -> None:
        """Tell the artist something, once."""
        if line not in self.remarks:
            log.info("%s", line)
            self.remarks.append(line)

    @abstractmethod
    def pictures(self, start: Fraction) -> Iterator[Timed[Picture]]:
        """Pictures from the one on screen at ``start`` seconds, or from an earlier one."""

    def audio(self, trim: Trim) -> AudioTrack | None:
        """The audio that belongs to the pictures; none unless overridden."""
        return None

    def whole(self) -> bool:
        """After the last picture: whether none is missing; says so in ``remarks`` where some are."""
        return True

    def close(self) -> None:
        """Release what is open."""


class _Closed(PictureReader):
    """In the place of a reader that is let go of."""

    def pictures(self, start: Fraction) -> Iterator[Timed[Picture]]:
        return iter(())


class SampledSource(FrameSource):
    """Frames of a reader, trimmed, resampled and resized."""

    def __init__(
        self, reader: PictureReader, trim: Trim, background: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        """Take ``reader`` over; it is closed with the source, also when this raises.

        Raises:
            MediaError: the trim begins after the end.
        """
        self._reader = reader
        self._remarks = reader.remarks
        self._trim = trim
        self._background = background
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._resizer: Resizer | None = None
        self._pictures: Iterator[tuple[Fraction, Picture]] | None = None
        self._given = 0
        self._ended = False
        self._last = Fraction(0)
        self._reached = Fraction(0)
        self._ending: Ending | None = None
        self.info = _info(reader, trim)
        self.audio = reader.audio(trim)
        too_short = reader.duration is not None and reader.duration <= seconds(trim.start)
        if self.info.frames == 0 or (too_short and reader.length_known):
            reader.close()
            raise _nothing_left(reader, trim)

    def start(self, width: int, height: int, resize: Resize) -> None:
        self._resizer = Resizer(width, height, resize, self._background)
        self._resizer.remarks = self._remarks

    def read(self, count: int) -> Frames | None:
        with self._lock:
            pixels, pts = self._collect(count)
        if not pts:
            return None
        frames = Frames(pixels[: len(pts)], self._given, tuple(pts))
        self._given += len(pts)
        return frames

    def status(self) -> SourceStatus | None:
        return SourceStatus("playing", " ".join(self._remarks)) if self._remarks else None

    def ending(self) -> Ending | None:
        return self._ending

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._stopped.set()
        with self._lock:
            self._ended = True
            self._reader.close()
            # A session that is over is remembered for a while; decoders and filters have threads, and a
            # reader holds pictures, its file in memory among them.
            self._pictures = self._resizer = self.audio = None
            self._reader = _Closed()

    def _collect(self, count: int) -> tuple[np.ndarray, list[Fraction]]:
        if self._resizer is None:
            self.start(self.info.width, self.info.height, "crop")
        assert self._resizer is not None
        if self._pictures is None and not self._ended:
            self._pictures = sample(self._read(), self._trim)
        pictures = self._pictures
        pixels = np.empty((count, self._resizer.height, self._resizer.width, 3), np.uint8)
        pts: list[Fraction] = []
        while len(pts) < count and not self._ended:
            if self._stopped.is_set():
                self._ended = True
                break
            taken = next(pictures, None) if pictures else None
            if taken is None:
                self._ended = True
                self._ending = Ending(self._last, self._end(), self._complete())
                break
            time, picture = taken
            self._resizer.convert(picture, pixels[len(pts)])
            self._last = time
            pts.append(time)
        if self._ended and not pts and not self._given and not self._stopped.is_set():
            raise _nothing_left(self._reader, self._trim)
        return pixels, pts

    def _read(self) -> Iterator[Timed[Picture]]:
        """The reader's pictures, the last one until its very end, which is remembered."""
        held: Timed[Picture] | None = None
        for timed in self._reader.pictures(seconds(self._trim.start)):
            self._reached = timed.time + timed.duration
            if held is not None:
                yield held
            held = timed
        if held is not None:
            self._reached = max(self._reached, self._reader.end or self._reached)
            yield replace(held, duration=self._reached - held.time)

    def _complete(self) -> bool:
        """Whether all that was to be read was there; what is missing behind the trim doesn't matter."""
        whole = self._reader.whole()
        taken = self._reached - seconds(self._trim.start)
        return whole or 0 < self._trim.duration <= taken

    def _end(self) -> Fraction:
        """When the last picture that was given ends, seconds since the first."""
        trim = self._trim
        end = self._reached - seconds(trim.start)
        if trim.duration:
            end = min(end, max(seconds(trim.duration), self._last + 1 / self._reader.rate))
        if not trim.fps:
            return max(end, self._last)
        fps = exact_rate(trim.fps)
        return self._last + max(1, round((end - self._last) * fps)) / fps


def _info(reader: PictureReader, trim: Trim) -> MediaInfo:
    frames = reader.frames
    if trim != Trim() and frames is not None:
        frames = count_samples(frames, reader.rate, trim) if reader.regular else None
    duration = reader.duration
    if duration is not None:
        duration = max(duration - seconds(trim.start), Fraction(0))
        if trim.duration:
            duration = min(duration, seconds(trim.duration))
    width, height = reader.size
    return MediaInfo(
        width=width,
        height=height,
        fps=sampled_rate(reader.rate, trim),
        frames=frames,
        duration=None if duration is None else float(duration),
        has_audio=reader.audio(trim) is not None,
    )


def _nothing_left(reader: PictureReader, trim: Trim) -> MediaError:
    if trim == Trim():
        return MediaError(f"{reader.name} has no frames: export it again.")
    length = "" if reader.duration is None else f", which is {float(reader.duration):.2f} s long"
    return MediaError(
        f"No frame of {reader.name}{length} is left after the trim: lower start, or raise duration."
    )

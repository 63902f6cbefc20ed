"""Pictures out of anything that FFmpeg opens as a container: streams, cameras, screens."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import abstractmethod
from collections.abc import Iterator
from fractions import Fraction

import av

from ...errors import MediaError
from ..resize import Picture
from .capture import Capture, CapturedFrame

# Formats that hand a whole piece over at once; their pictures are played at their own pace.
_IN_PIECES = ("mov", "matroska", "ogg")
_LATE_S = 1.0


class ContainerCapture(Capture):
    """The first video stream of a container, decoded with as little delay as its codec allows.

    Attributes:
        paced: whether pictures come faster than they should be seen; known after ``open``.
    """

    paced = False

    def __init__(self, name: str) -> None:
        self.name = name
        self._container: av.container.InputContainer | None = None
        self._audio: av.AudioStream | None = None
        self._interrupted = threading.Event()

    @abstractmethod
    def _open_container(self) -> av.container.InputContainer:
        """Open it, with time limits; raises FFmpegError, OSError or MediaError."""

    def open(self) -> None:
        try:
            container = self._container = self._open_container()
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure("can't be opened", error) from error
        videos = container.streams.video
        if not videos:
            raise MediaError(f"{self.name} has no picture: send video, in H.264 for example.")
        if videos[0].codec_context is None:
            raise MediaError(f"{self.name} uses a codec that can't be decoded here: send H.264.")
        # Threads over frames would hold as many frames back.
        videos[0].thread_type = "SLICE"
        rate = videos[0].average_rate or videos[0].guessed_rate
        audios = [stream for stream in container.streams.audio if stream.codec_context is not None]
        self._audio = audios[0] if audios and self.heard is not None else None
        self.sounds = self._audio is not None
        self.rate = Fraction(rate) if rate else None  # PyAV 19 has a rational of its own, never None

    def pictures(self) -> Iterator[CapturedFrame | None]:
        container = self._container
        assert container is not None
        paced = self.paced or container.format.name.split(",")[0] in _IN_PIECES
        ahead: float | None = None
        try:
            played = [stream for stream in (container.streams.video[0], self._audio) if stream is not None]
            for packet in container.demux(played):
                moment = time.monotonic()
                if packet.stream.type == "audio":
                    self._hear(packet, moment)
                    yield None
                    continue
                for picture, stamp in self._decode(packet):
                    if paced and stamp is not None:
                        ahead, moment = self._pace(ahead, float(stamp))
                    yield CapturedFrame(picture, stamp, moment)
                yield None
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, OSError) as error:
            raise self._failure("is lost", error) from error

    def close(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            # Left to the garbage collector, a container that reads through Python damages the heap.
            container.close()

    def interrupt(self) -> None:
        self._interrupted.set()

    def _decode(self, packet: av.Packet) -> list[tuple[Picture, Fraction | None]]:
        try:
            frames = packet.decode()
        except (av.error.InvalidDataError, av.error.UndefinedError):
            self.damaged += 1
            return []
        whole = [frame for frame in frames if not frame.is_corrupt]
        self.damaged += len(frames) - len(whole)
        aspect = Fraction(packet.stream.sample_aspect_ratio or 1)
        return [
            (Picture(frame, aspect), None if frame.pts is None else frame.pts * frame.time_base)
            for frame in whole
        ]

    def _hear(self, packet: av.Packet, moment: float) -> None:
        """Pass sound on; what is damaged is silent."""
        assert self.heard is not None
        with contextlib.suppress(av.error.FFmpegError):
            for frame in packet.decode():
                self.heard(frame, moment)

    def _pace(self, ahead: float | None, stamp: float) -> tuple[float, float]:
        """Wait for a picture's time; (its clock's distance to the monotonic clock, now)."""
        now = time.monotonic()
        if ahead is None or abs(stamp + ahead - now) > max(_LATE_S, 60.0 if stamp + ahead > now else 0.0):
            ahead = now - stamp
        self._interrupted.wait(max(0.0, stamp + ahead - now))
        return ahead, time.monotonic()

    def _failure(self, what: str, error: Exception) -> MediaError:
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, av.error.ExitError | TimeoutError):
            reason = "no answer in time"
        return MediaError(f"{self.name} {what} ({reason}): check that it is on and plays.")

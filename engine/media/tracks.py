"""An open file: which of its tracks are played, and their packets on one timeline."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av

from ..errors import MediaError
from .channels import settle_layout
from .timeline import jumps_allowed, timeline_of

_NO_PICTURE = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails


@dataclass(frozen=True)
class TrackChoice:
    """Which tracks of a file are played: 1 is the first of its kind, 0 the one that is marked as default."""

    video: int = 0
    audio: int = 0


class MediaFile:
    """A container with its chosen picture and sound track.

    Attributes:
        container: the open container.
        video, audio: the chosen streams; None where there is none that can be decoded.
        remarks: which tracks were chosen, where it is not the first one or the one that was asked for.
        channel_order: which decoded channel of the sound is each of its layout's; None where in order.
        ordered_only: whether frames have a place in the order of decoding but no time of display: AVI.
            The first frame shown takes the first place, so that places left empty remain pauses.
        jumps: whether the format's clock may jump, so that its length and its seeking are guesses.
    """

    def __init__(self, container: av.container.InputContainer, name: str, choice: TrackChoice) -> None:
        """Choose the tracks; ``container`` is taken over, also when this raises.

        Raises:
            MediaError: a track of that number does not exist.
        """
        self.container = container
        try:
            pictures = [stream for stream in container.streams.video if not stream.disposition & _NO_PICTURE]
            self.has_picture = bool(pictures)
            self.video: av.VideoStream | None = _choose(pictures, choice.video, name, "video")
            self.audio: av.AudioStream | None = _choose(container.streams.audio, choice.audio, name, "audio")
        except MediaError:
            container.close()
            raise
        self.remarks = [
            *_remark(pictures, self.video, choice.video, "picture"),
            *_remark(container.streams.audio, self.audio, choice.audio, "sound"),
        ]
        self.channel_order = None if self.audio is None else settle_layout(self.audio)
        self.ordered_only = container.format.name == "avi"
        self.jumps = jumps_allowed(container)
        self._streams = [stream for stream in (self.video, self.audio) if stream is not None]

    def packets(self, stream: av.stream.Stream) -> Iterator[av.Packet]:
        """The packets of one track, ending with the empty one that drains its decoder; may raise FFmpegError.

        After ``seek``, from there.
        """
        timeline = timeline_of(self.container, self._streams)
        try:
            for packet in self.container.demux(self._streams):
                if packet.dts is not None and not packet.size:
                    continue  # an empty one would drain the decoder: AVI has them for frames left out
                timeline.place(packet)
                if packet.stream is stream:  # the empty one at the end has no number
                    yield packet
        except av.error.EOFError:
            return

    def seek(self, stream: av.stream.Stream, time: Fraction) -> bool:
        """Go to a keyframe at or before ``time`` on the file's clock; False where that can't be trusted."""
        if self.jumps:
            return False
        try:
            self.container.seek(int(time / stream.time_base), stream=stream)
        except av.error.FFmpegError:
            return False
        return True

    def rewind(self) -> None:
        """Go back to the beginning after a seek that failed, where the format can."""
        with contextlib.suppress(av.error.FFmpegError):
            self.container.seek(0)

    def close(self) -> None:
        """Release the file."""
        self.container.close()

    def __enter__(self) -> MediaFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _choose(
    streams: Sequence[av.stream.Stream], number: int, name: str, kind: str
) -> av.stream.Stream | None:
    """The stream of that number; for 0, the default one of those that can be decoded."""
    if number:
        if number > len(streams):
            count = len(streams) or "no"
            raise MediaError(f"{name} has {count} {kind} tracks: set {kind}_track to 0 or to one of them.")
        return streams[number - 1] if streams[number - 1].codec_context else None
    # A stream that can't be decoded here has no codec context.
    known = [stream for stream in streams if stream.codec_context]
    marked = (stream for stream in known if stream.disposition & av.stream.Disposition.default)
    return next(marked, next(iter(known), None))


def _remark(
    streams: Sequence[av.stream.Stream], chosen: av.stream.Stream | None, number: int, kind: str
) -> list[str]:
    """One line where another track than the first is played without having been asked for."""
    if number or chosen is None or chosen is streams[0]:
        return []
    return [
        f"Of {len(streams)} {kind} tracks, number {list(streams).index(chosen) + 1} is played: its default."
    ]

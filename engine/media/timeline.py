"""One clock for all tracks of a file: jumps of the file's own clock are found and bridged for all alike.

Files joined end to end, recordings that were interrupted, and clocks that wrap jump in every track.
Each reader of a file sends the packets of all chosen tracks through a ``Timeline`` in the order of
the file. So the reader of the picture and that of the sound find the same jumps and bridge them alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import av

MICROSECONDS = 1_000_000

BACKWARD = MICROSECONDS // 10
"""Decoding order never goes back; this much is rounding and sloppy muxing."""

FORWARD_JOINED = 10 * MICROSECONDS
"""A longer gap is a jump where the format allows them (MPEG-TS, MPEG-PS, Ogg); FFmpeg's own bound."""

FORWARD_INDEXED = 3600 * MICROSECONDS
"""In the other formats a picture may stand still for long, as in a slide show."""

LEVEL = MICROSECONDS // 10
"""Tracks that end this close to each other end together."""

RETURN = MICROSECONDS
"""A track that comes this close to where another one is has come back from a wrong timestamp."""

_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT


@dataclass
class _Track:
    """Where a track is; times in microseconds."""

    numerator: int
    denominator: int
    segment: int = 0
    shift: int = 0  # of the segment, in the track's own ticks
    end: int | None = None  # of the last packet, on the file's clock
    reached: int = 0  # on the timeline

    def ticks(self, time: int) -> int:
        return round(time * self.denominator / (self.numerator * MICROSECONDS))

    def time(self, ticks: int) -> int:
        return ticks * self.numerator * MICROSECONDS // self.denominator


@dataclass
class Timeline:
    """Moves packets of several tracks onto one clock that never jumps.

    A stretch of the file between two jumps is a segment; within it, the tracks keep their distance.
    A new segment begins where the track that enters it first has ended, or, where another track goes
    on for longer, at that one's end.

    Args:
        streams: the tracks, with their units of time.
        forward: the longest gap that is no jump, in microseconds.
    """

    streams: Iterable[av.stream.Stream]
    forward: int
    _offsets: list[int] = field(default_factory=lambda: [0])
    _tracks: dict[int, _Track] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for stream in self.streams:
            unit = stream.time_base
            self._tracks[stream.index] = _Track(unit.numerator, unit.denominator)

    def place(self, packet: av.Packet) -> None:
        """Move the packet's timestamps; one without any stays as it is."""
        ticks = packet.dts
        track = self._tracks[packet.stream.index]
        if ticks is not None:
            time = track.time(ticks)
            if track.end is not None and not -BACKWARD <= time - track.end <= self.forward:
                self._jump(track, time)
            track.end = time + track.time(packet.duration or 0)
            track.reached = max(track.reached, track.end + self._offsets[track.segment])
        if track.shift:
            if ticks is not None:
                packet.dts = ticks + track.shift
            if packet.pts is not None:
                packet.pts += track.shift

    def _jump(self, track: _Track, time: int) -> None:
        """A track goes on at another ``time``: with a track that is there already, or in a new segment."""
        others = [other for other in self._tracks.values() if other is not track and other.end is not None]
        for other in others:
            near = self.forward if other.segment > track.segment else RETURN
            if other.segment != track.segment and abs(time - other.end) <= near:
                return self._enter(track, other.segment)
        together = [other for other in others if other.segment == track.segment]
        near = self.forward if time > track.end else RETURN
        if any(abs(time - other.end) < min(near, abs(track.end - other.end)) for other in together):
            return None  # the other tracks go on meanwhile: a pause, or back from a wrong timestamp
        reached = max(other.reached for other in self._tracks.values())
        begin = track.reached if reached - track.reached <= LEVEL else reached
        self._offsets.append(begin - time)
        return self._enter(track, len(self._offsets) - 1)

    def _enter(self, track: _Track, segment: int) -> None:
        track.segment, track.shift = segment, track.ticks(self._offsets[segment])


def timeline_of(container: av.container.InputContainer, streams: Iterable[av.stream.Stream]) -> Timeline:
    """The timeline for some tracks of a container."""
    return Timeline(streams, FORWARD_JOINED if jumps_allowed(container) else FORWARD_INDEXED)


def jumps_allowed(container: av.container.InputContainer) -> bool:
    """Whether the format allows its clock to jump, so that its length and seeking are guesses."""
    return bool(container.format.flags & _TS_DISCONT)

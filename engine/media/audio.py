"""The source's sound on its way into an mp4: packets copied where players take them, else AAC."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av

from .live.live_sound import LiveReader, LiveTrack
from .sampling import seconds
from .sound_reader import SoundReader
from .types import AudioTrack

# What QuickTime, Premiere and browsers play in an mp4; True where the decoder's set-up must come
# with the stream (an AAC stream without it is in ADTS frames, which mp4 does not take).
_PLAYED = {"aac": True, "alac": True, "mp3": False}
# What mp4 carries beside these.
_CARRIED = {"opus": True, "ac3": False, "eac3": False, "flac": True}
_MP3_LOWEST_RATE = 16_000
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_AAC_BITS_PER_CHANNEL = 96_000
_LIVE_RATE = 48_000


class AudioFeed:
    """Gives audio packets up to a time, so that they interleave with the video."""

    def __init__(
        self, track: AudioTrack, output: av.container.OutputContainer, *, keep_codec: bool = False
    ) -> None:
        """Add the audio stream to ``output``, whose header is not written yet.

        Args:
            track: where the sound comes from.
            output: an mp4.
            keep_codec: also copy what mp4 carries but not every player plays.

        Raises:
            MediaError: the track can't be opened.
            LookupError: it has no audio that can be decoded or copied.
        """
        self._end = seconds(track.duration) or None
        self._next: av.Packet | None = None
        self._reader = SoundReader(track)
        try:
            self._add_to(output, keep_codec)
        except BaseException:
            self._reader.close()
            raise

    @property
    def remark(self) -> str:
        """One line where not all of the sound could be used; else empty."""
        return self._reader.remark

    def _add_to(self, output: av.container.OutputContainer, keep_codec: bool) -> None:
        stream = self._reader.stream
        if can_copy(stream, keep_codec):
            self._output = output.add_stream_from_template(stream, opaque=True)
            self._packets = self._copied()
        else:
            self._output = _add_aac(output, stream)
            self._packets = self._encoded()

    def packets(self, until: Fraction | None) -> Iterator[av.Packet]:
        """Packets, ready to mux, that begin before ``until`` seconds (None: all) and were not given yet."""
        ends = [end for end in (until, self._end) if end is not None]
        while True:
            if self._next is None:
                self._next = next(self._packets, None)
            if self._next is None or (ends and self._next.pts * self._next.time_base >= min(ends)):
                return
            packet, self._next = self._next, None
            yield packet

    def close(self) -> None:
        """Release the input."""
        self._reader.close()

    def _copied(self) -> Iterator[av.Packet]:
        offset = round(self._reader.start / self._reader.stream.time_base)
        last: int | None = None
        for packet in self._reader.packets():
            if packet.pts is None:
                packet.pts = packet.dts
            # The one before the start is kept for the decoder's run-in; an edit list hides it.
            if packet.pts is None or packet.pts + 2 * (packet.duration or 0) <= offset:
                continue
            if last is not None and (packet.pts <= last or packet.is_discard):
                continue
            last = packet.pts
            packet.pts = packet.dts = last - offset
            packet.stream = self._output
            yield packet

    def _encoded(self) -> Iterator[av.Packet]:
        context = self._output.codec_context
        used = False
        for frame in self._reader.frames(context.sample_rate, context.format.name, context.layout.name):
            used = True
            yield from self._output.encode(frame)
        if used:
            yield from self._output.encode(None)


class LiveAudioFeed:
    """The same for the sound of a live source, of which only what has come can be given."""

    remark = ""

    def __init__(self, track: LiveTrack, output: av.container.OutputContainer) -> None:
        self._output = output.add_stream("aac", rate=_LIVE_RATE)
        context = self._output.codec_context
        context.layout, context.bit_rate = "stereo", 2 * _AAC_BITS_PER_CHANNEL
        self._reader = LiveReader(track, _LIVE_RATE, context.format.name, "stereo")
        self._ready: deque[av.Packet] = deque()

    def packets(self, until: Fraction | None) -> Iterator[av.Packet]:
        """See ``AudioFeed.packets``."""
        for frame in self._reader.until(until):
            self._ready.extend(self._output.encode(frame))
        while self._ready and (until is None or self._ready[0].pts * self._ready[0].time_base < until):
            yield self._ready.popleft()

    def close(self) -> None:
        """Nothing to release."""


def audio_feed(
    track: AudioTrack, output: av.container.OutputContainer, *, keep_codec: bool = False
) -> AudioFeed | LiveAudioFeed:
    """What gives the packets of a track; see ``AudioFeed`` for what it may raise."""
    if isinstance(track, LiveTrack):
        return LiveAudioFeed(track, output)
    return AudioFeed(track, output, keep_codec=keep_codec)


def can_copy(stream: av.AudioStream, keep_codec: bool = False) -> bool:
    """Whether the stream's packets may go into an mp4 as they are."""
    name = stream.codec_context.codec.canonical_name
    copied = _PLAYED | _CARRIED if keep_codec else _PLAYED
    if name not in copied or (copied[name] and not stream.codec_context.extradata):
        return False
    return name != "mp3" or stream.codec_context.sample_rate >= _MP3_LOWEST_RATE


def _add_aac(output: av.container.OutputContainer, stream: av.AudioStream) -> av.AudioStream:
    source = stream.codec_context
    rate = source.sample_rate if source.sample_rate in _AAC_RATES else 48_000
    channels = source.channels
    added = output.add_stream("aac", rate=rate)
    added.codec_context.layout = {1: "mono", 6: "5.1"}.get(channels, "stereo")
    added.codec_context.bit_rate = _AAC_BITS_PER_CHANNEL * (channels if channels in (1, 6) else 2)
    return added

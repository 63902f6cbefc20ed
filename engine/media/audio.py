"""The source's sound on its way into an mp4: packets copied where players take them, else AAC.

Copied packets can't be made louder: where the volume is another one from the beginning, the sound is encoded,
and where it changes on the way, anew at the file's end (``faststart.py``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av

from .live.live_sound import LiveReader, LiveTrack
from .sampling import seconds
from .sound_reader import SoundReader
from .types import AudioTrack
from .volume import Loudness

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
        self,
        track: AudioTrack,
        output: av.container.OutputContainer,
        *,
        keep_codec: bool = False,
        copy: bool = True,
    ) -> None:
        """Add the audio stream to ``output``, whose header is not written yet.

        Args:
            track: where the sound comes from.
            output: an mp4.
            keep_codec: also copy what mp4 carries but not every player plays.
            copy: whether packets may be copied at all.

        Raises:
            MediaError: the track can't be opened.
            LookupError: it has no audio that can be decoded or copied.
        """
        self._end = seconds(track.duration) or None
        self._next: av.Packet | None = None
        self._over = False
        self._aac: _Aac | None = None
        self._reader = SoundReader(track)
        changed = track.volume is not None and track.volume.changes(track.begins)
        try:
            self._add_to(output, track, copy and not changed and can_copy(self._reader.stream, keep_codec))
        except BaseException:
            self._reader.close()
            raise

    @property
    def remark(self) -> str:
        """One line where not all of the sound could be used; else empty."""
        return self._reader.remark

    @property
    def copies(self) -> bool:
        """Whether the packets are the source's."""
        return self._aac is None

    def _add_to(self, output: av.container.OutputContainer, track: AudioTrack, copy: bool) -> None:
        stream = self._reader.stream
        if copy:
            self._output = output.add_stream_from_template(stream, opaque=True)
            self._packets = self._copied()
            return
        added = _add_aac(output, stream)
        self._aac, self._frames = _Aac(added, track), self._decoded(added.codec_context)

    def packets(self, until: Fraction | None, last: bool = False) -> Iterator[av.Packet]:
        """Packets, ready to mux, that begin before ``until`` seconds (None: all) and were not given yet.

        ``last`` says that nothing more will be asked for.
        """
        ends = [end for end in (until, self._end) if end is not None]
        end = min(ends) if ends else None
        if self._aac is not None:
            self._aac.fill(self._frames, end)
            yield from self._aac.packets(end, last or (self._over and not self._aac.loudness.holds))
            return
        while True:
            if self._next is None:
                self._next = next(self._packets, None)
            if self._next is None or (end is not None and self._next.pts * self._next.time_base >= end):
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

    def _decoded(self, context: av.AudioCodecContext) -> Iterator[av.AudioFrame]:
        yield from self._reader.frames(context.sample_rate, context.format.name, context.layout.name)
        self._over = True


class LiveAudioFeed:
    """The same for the sound of a live source, of which only what has come can be given."""

    remark = ""
    copies = False

    def __init__(self, track: LiveTrack, output: av.container.OutputContainer) -> None:
        stream = output.add_stream("aac", rate=_LIVE_RATE)
        context = stream.codec_context
        context.layout, context.bit_rate = "stereo", 2 * _AAC_BITS_PER_CHANNEL
        self._reader = LiveReader(track, _LIVE_RATE, context.format.name, "stereo")
        self._aac = _Aac(stream, track)

    def packets(self, until: Fraction | None, last: bool = False) -> Iterator[av.Packet]:
        """See ``AudioFeed.packets``."""
        self._aac.loudness.add(self._reader.until(until))
        self._aac.fill(iter(()), until)
        yield from self._aac.packets(until, last)

    def close(self) -> None:
        """Nothing to release."""


class _Aac:
    """An AAC stream of an mp4; what is put into it has the track's volume."""

    def __init__(self, stream: av.AudioStream, track: AudioTrack) -> None:
        self._stream = stream
        self.loudness = Loudness(track.volume, track.begins)
        self._ready: deque[av.Packet] = deque()
        self._used = False

    def fill(self, frames: Iterator[av.AudioFrame], end: Fraction | None) -> None:
        """Encode what ``loudness`` holds, and then frames, up to ``end`` seconds."""
        for frame in self.loudness.until(frames, end):
            self._used = True
            self._ready.extend(self._stream.encode(frame))

    def packets(self, end: Fraction | None, last: bool) -> Iterator[av.Packet]:
        """What is ready and begins before ``end``; after the ``last`` sound what the encoder holds, too."""
        if last and self._used:
            self._used = False
            self._ready.extend(self._stream.encode(None))
        while self._ready and (end is None or self._ready[0].pts * self._ready[0].time_base < end):
            yield self._ready.popleft()


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

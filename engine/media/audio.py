"""The source's audio on its way into an mp4: packets copied where possible, else encoded to AAC."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av

from ..log import log
from .filters import FilterChain
from .sampling import seconds
from .types import AudioTrack

# Codecs that mp4 carries; True where the decoder's set-up must come with the stream (an AAC
# stream without it is in ADTS frames, which mp4 does not take).
_COPIED = {"aac": True, "alac": True, "opus": True, "mp3": False, "ac3": False, "eac3": False}
_MP3_LOWEST_RATE = 16_000
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_AAC_BITS_PER_CHANNEL = 96_000
_SEEK_FROM = Fraction(1)


class AudioFeed:
    """Gives audio packets up to a time, so that they interleave with the video."""

    def __init__(self, track: AudioTrack, output: av.container.OutputContainer) -> None:
        """Add the audio stream to ``output``, whose header is not written yet.

        Raises:
            MediaError: the track can't be opened.
            LookupError: it has no audio that can be decoded or copied.
        """
        self._start = seconds(track.start)
        self._end = seconds(track.duration) or None
        self._next: av.Packet | None = None
        self._input = track.open()
        try:
            self._add_to(output)
        except BaseException:
            self._input.close()
            raise

    def _add_to(self, output: av.container.OutputContainer) -> None:
        streams = [stream for stream in self._input.streams.audio if stream.codec_context]
        if not streams:
            raise LookupError("no audio stream")
        self._stream = streams[0]
        if can_copy(self._stream):
            self._output = output.add_stream_from_template(self._stream, opaque=True)
            self._packets = self._copied()
        else:
            self._output = _add_aac(output, self._stream)
            self._packets = self._encoded()

    def packets(self, until: Fraction) -> Iterator[av.Packet]:
        """Packets, ready to mux, that begin before ``until`` seconds and were not given yet."""
        until = until if self._end is None else min(until, self._end)
        while True:
            try:
                self._next = self._next or next(self._packets, None)
            except av.error.FFmpegError as error:
                log.warning("the audio ends early: %s", error.strerror)
            if self._next is None or self._next.pts * self._next.time_base >= until:
                return
            packet, self._next = self._next, None
            yield packet

    def close(self) -> None:
        """Release the input."""
        self._input.close()

    def _demuxed(self) -> Iterator[av.Packet]:
        if self._start > _SEEK_FROM:
            target = int((self._start - _SEEK_FROM) / self._stream.time_base)
            try:
                self._input.seek(target, stream=self._stream)
            except av.error.FFmpegError as error:
                log.info("the audio can't seek (%s): reading from the beginning", error.strerror)
        try:
            yield from self._input.demux(self._stream)
        except av.error.EOFError:
            return

    def _copied(self) -> Iterator[av.Packet]:
        offset = round(self._start / self._stream.time_base)
        last = None
        for packet in self._demuxed():
            # The one before the start is kept for the decoder's run-in; an edit list hides it.
            if packet.pts is None or packet.pts + 2 * (packet.duration or 0) <= offset:
                continue
            if last is not None and packet.pts <= last:
                continue
            last = packet.pts
            packet.pts = packet.dts = last - offset
            packet.stream = self._output
            yield packet

    def _encoded(self) -> Iterator[av.Packet]:
        chain: FilterChain | None = None
        for packet in self._demuxed():
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if chain is None:
                    chain = self._to_aac(frame)
                if frame.pts is not None:
                    frame.pts -= round(self._start / frame.time_base)
                for converted in chain.push(frame):
                    yield from self._output.encode(converted)
        if chain is not None:
            for converted in chain.push(None):
                yield from self._output.encode(converted)
            yield from self._output.encode(None)

    def _to_aac(self, first: av.AudioFrame) -> FilterChain:
        """Cut before 0, fill gaps with silence so that time stays true, convert for the encoder."""
        context = self._output.codec_context
        return FilterChain(
            (
                "abuffer",
                f"time_base={first.time_base}:sample_rate={first.sample_rate}"
                f":sample_fmt={first.format.name}:channel_layout={first.layout.name}",
            ),
            ("atrim", "start=0"),
            ("aresample", f"{context.sample_rate}:async=1000:min_hard_comp=0.03:first_pts=0"),
            ("aformat", f"sample_fmts={context.format.name}:channel_layouts={context.layout.name}"),
            ("abuffersink", ""),
        )


def can_copy(stream: av.AudioStream) -> bool:
    """Whether the stream's packets may go into an mp4 as they are."""
    name = stream.codec_context.codec.canonical_name
    if name not in _COPIED or (_COPIED[name] and not stream.codec_context.extradata):
        return False
    return name != "mp3" or stream.codec_context.sample_rate >= _MP3_LOWEST_RATE


def _add_aac(output: av.container.OutputContainer, stream: av.AudioStream) -> av.AudioStream:
    source = stream.codec_context
    rate = source.sample_rate if source.sample_rate in _AAC_RATES else 48_000
    channels = source.layout.nb_channels
    added = output.add_stream("aac", rate=rate)
    added.codec_context.layout = {1: "mono", 6: "5.1"}.get(channels, "stereo")
    added.codec_context.bit_rate = _AAC_BITS_PER_CHANNEL * min(channels, 6)
    return added

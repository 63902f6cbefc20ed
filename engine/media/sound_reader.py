"""A source's sound track, demuxed and decoded from where the frames begin."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av

from .audio_convert import SoundConverter
from .sampling import seconds
from .types import AudioTrack

# Enough for a decoder to be in full swing.
_RUN_IN = Fraction(1)


class SoundReader:
    """One reader; ``packets`` or ``frames`` may be called once.

    Attributes:
        start: where time 0 of the frames lies on the file's timeline, seconds.
        stream: the track.
        remark: one line where not all of the sound could be used; else empty.
    """

    def __init__(self, track: AudioTrack) -> None:
        """Open the track.

        Raises:
            MediaError: it can't be opened.
            LookupError: it has no audio.
        """
        self.remark = ""
        self.start = seconds(track.start)
        self._input = track.open()
        if self._input.audio is None:
            self._input.close()
            raise LookupError("no audio stream")
        self.stream: av.AudioStream = self._input.audio

    def packets(self) -> Iterator[av.Packet]:
        """From a little before the start; what can't be read ends it with a remark."""
        from_time = self.start - _RUN_IN
        if from_time > 0 and not self._input.seek(self.stream, from_time) and not self._input.jumps:
            self._input.rewind()
        try:
            for packet in self._input.packets(self.stream):
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is None or stamp * packet.time_base >= from_time:
                    yield packet
        except av.error.FFmpegError as error:
            self.remark = f"The sound ends early: its track can't be read on ({error.strerror})."

    def frames(self, rate: int, form: str, layout: str) -> Iterator[av.AudioFrame]:
        """Decoded and converted by ``SoundConverter``, from time 0 on; damaged pieces are silent."""
        converter = SoundConverter(rate, form, layout, self.start, self._input.channel_order)
        damaged = 0
        for packet in self.packets():
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                self.remark = f"{damaged} damaged pieces of the sound are silent: its file may be broken."
                continue
            for frame in frames:
                yield from converter.push(frame)
        yield from converter.finish()

    def close(self) -> None:
        """Release the file."""
        self._input.close()

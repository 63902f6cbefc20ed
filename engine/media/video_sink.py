"""H.264 mp4 with audio: fragmented while it grows, so that whatever is written is playable."""

from __future__ import annotations

import errno
from collections import deque
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ..errors import MediaError
from ..log import log
from .audio import AudioFeed, LiveAudioFeed, audio_feed
from .encoders import Codec, add_video_stream, choose_encoder
from .faststart import SoundAnew, make_faststart
from .filters import ACCURATE, FilterChain
from .fragments import drop_partial_fragment
from .status import TargetStatus
from .types import AudioTrack, Ending, Frames, FrameSink, SinkResult

_WRITE_ERRORS = (av.error.FFmpegError, OSError)

# delay_moov lets the header carry edit lists, so audio may have its run-in before 0; the two
# times are microseconds. use_metadata_tags keeps the workflow under its own key.
FRAGMENTED = {
    "movflags": "frag_keyframe+empty_moov+delay_moov+default_base_moof+use_metadata_tags",
    "frag_duration": "1000000",
    "max_interleave_delta": "500000",
    "flush_packets": "1",
}


class VideoSink(FrameSink):
    """Encodes frames as they come; keeps their timestamps."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction,
        audio: AudioTrack | None,
        *,
        keep_audio_codec: bool = False,
        codec: Codec,
        quality: int,
        metadata: tuple[tuple[str, str], ...],
        keep_last: int,
    ) -> None:
        """Open the encoder.

        Args:
            path: a file that does not exist yet.
            size: (width, height) of the frames in pixels. The file's is even: yuv420p has no odd
                size, so the last column or row is repeated and nothing of the picture is lost.
            fps: average frames a second.
            audio: see ``SinkSpec.open``.
            keep_audio_codec, codec, quality, metadata, keep_last: see ``SinkSpec``.

        Raises:
            MediaError: the path can't be written or the encoder does not work here.
        """
        self._path = path
        self._size = size
        self._fps = fps.limit_denominator(10_000)
        self._tail: deque[np.ndarray] = deque(maxlen=keep_last)
        self._keep_last = keep_last
        self._written = 0
        self._last_tick = -1
        self._last_time = Fraction(0)
        self._held: Fraction | None = None  # how long the last frame is shown, where the source tells
        self._remark = ""
        self._failed = False
        self._result: SinkResult | None = None
        self._track = audio
        self._audio: AudioFeed | LiveAudioFeed | None = None
        even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        self._pad = ((0, even[1] - size[1]), (0, even[0] - size[0]), (0, 0))
        encoder = choose_encoder(codec, *even)
        try:
            # Ours to close: PyAV never closes a file whose header it could not write.
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise self._failure(error) from error
        try:
            self._output = av.open(self._file, "w", format="mp4", options=dict(FRAGMENTED))
            self._output.metadata.update(metadata)
            self._stream = add_video_stream(self._output, encoder, even, self._fps, quality)
            self._audio = self._open_audio(audio, keep_audio_codec)
            self._output.start_encoding()
        except _WRITE_ERRORS as error:
            self._let_go()
            path.unlink(missing_ok=True)
            raise self._failure(error) from error
        self._tick = self._stream.codec_context.time_base
        self._chain = FilterChain(
            ("buffer", f"video_size={even[0]}x{even[1]}:pix_fmt=rgb24:time_base={self._tick}"),
            ("scale", f"{ACCURATE}:in_range=full:out_range=limited:out_color_matrix=bt709"),
            ("format", "yuv420p"),
            ("buffersink", ""),
        )

    def write(self, frames: Frames) -> None:
        try:
            for pixels, time in zip(frames.pixels, frames.pts, strict=True):
                self._encode(pixels, time)
        except _WRITE_ERRORS as error:
            raise self._failure(error) from error

    def status(self) -> TargetStatus | None:
        note = self._remark or (self._audio.remark if self._audio is not None else "")
        return TargetStatus("file", "recording", note, self._written, file=self._path.name)

    def close(self) -> SinkResult:
        if self._result is None:
            ending = self.ending()
            failure = self._finish(ending)
            if self._written and not self._failed:
                make_faststart(self._path, self._fps, dict(self.last_tags()), self._sound_anew())
            self._result = self._outcome(not self._failed and (ending is None or ending.complete))
            if failure is not None:
                raise failure
        return self._result

    def abort(self) -> SinkResult:
        if self._result is None:
            failure = self._finish(None)
            if failure is not None:
                log.warning("%s", failure)
            elif self._written and not self._failed:
                tags, sound = dict(self.last_tags()), self._sound_anew()
                if tags or sound:  # only a new header can hold them
                    make_faststart(self._path, self._fps, tags, sound)
            self._result = self._outcome(complete=False)
        return self._result

    def _open_audio(self, track: AudioTrack | None, keep_codec: bool) -> AudioFeed | LiveAudioFeed | None:
        if track is None:
            return None
        try:
            return audio_feed(track, self._output, keep_codec=keep_codec)
        except (MediaError, LookupError) as error:
            self._remark = f"{self._path.name} has no sound: {error}"
            log.warning("%s", self._remark)
            return None

    def _encode(self, pixels: np.ndarray, time: Fraction) -> None:
        if any(after for _, after in self._pad):
            pixels = np.pad(pixels, self._pad, mode="edge")
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), format="rgb24")
        self._last_time = time
        self._last_tick = max(round(time / self._tick), self._last_tick + 1)
        frame.pts = self._last_tick
        frame.time_base = self._tick
        for converted in self._chain.push(frame):
            for packet in self._stream.encode(converted):
                self._mux(packet)
        self._written += 1
        if self._keep_last:
            height, width = self._size[1], self._size[0]
            self._tail.append(pixels[:height, :width].copy())

    def _mux(self, packet: av.Packet) -> None:
        """Write one video packet, and before it the audio that is heard before it."""
        time = packet.pts * packet.time_base
        self._mux_audio(time)
        usual = 1 / self._fps
        if self._held is not None and time == self._last_tick * self._tick:
            usual = self._held
            packet.duration = 0
        if not packet.duration:
            packet.duration = round(usual / packet.time_base)
        self._output.mux(packet)

    def _mux_audio(self, until: Fraction | None, last: bool = False) -> None:
        if self._audio is not None:
            for packet in self._audio.packets(until, last):
                self._output.mux(packet)

    def _sound_anew(self) -> SoundAnew | None:
        """Where packets were copied and the volume has changed since: the sound to take their place."""
        track = self._track
        if track is None or track.volume is None or self._audio is None or not self._audio.copies:
            return None
        return (track, self._sound_end) if track.volume.changes(track.begins) else None

    def _finish(self, ending: Ending | None) -> MediaError | None:
        """Flush what the encoder holds, add the rest of the audio, close the file; what failed, or None.

        Where the source ended by itself, its last frame is shown and its sound heard to their own ends.
        """
        if ending is not None and ending.last == self._last_time:
            self._held = ending.end - ending.last
        failure: MediaError | None = None
        for step in (self._flush, self._check_there, self._output.close):
            # What fails must not hide what is already written; what fails after it is only its echo.
            try:
                if step == self._output.close or (self._written and not self._failed):
                    step()
            except _WRITE_ERRORS as error:
                failure = failure or self._failure(error)
        self._let_go()
        if not self._path.exists():
            self._written = 0
        elif self._failed:
            self._written = drop_partial_fragment(self._path)
        if not self._written:
            self._path.unlink(missing_ok=True)
        return failure

    def _check_there(self) -> None:
        """Raise FileNotFoundError where the file was deleted while it was written."""
        self._path.stat()

    def _let_go(self) -> None:
        """Close what the container reads and writes."""
        self._file.close()
        if self._audio is not None:
            self._audio.close()

    def _flush(self) -> None:
        for packet in self._stream.encode(None):
            self._mux(packet)
        self._mux_audio(self._sound_end, last=True)

    @property
    def _sound_end(self) -> Fraction | None:
        """Up to where the sound is heard: None where that is its own end."""
        return None if self._held is not None else self._last_tick * self._tick + 1 / self._fps

    def _outcome(self, complete: bool) -> SinkResult:
        tail = np.stack(self._tail) if self._tail else None
        path = self._path if self._written else None
        return SinkResult(path, self._written, tail, complete and self._written > 0)

    def _failure(self, error: Exception) -> MediaError:
        self._failed = True
        code = getattr(error, "errno", None)
        name = str(self._path)
        # By then at least one fragment is on the disk.
        kept = " What was written before is kept and plays." if self._written > 2 * self._fps else ""
        if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return MediaError(f"The disk is full at {name}: free some space or write elsewhere.{kept}")
        if code == errno.ENOENT:
            return MediaError(f"{name} was deleted while it was written: run it again, and keep its folder.")
        if code in (errno.EACCES, errno.EPERM, errno.EROFS):
            return MediaError(f"{name} may not be written: choose another folder.{kept}")
        return MediaError(f"{name} can't be written ({error}): choose another folder or codec.{kept}")

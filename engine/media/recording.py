"""A file that can be switched on and off while the stream goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from ..errors import MediaError
from .sinks import SinkSpec
from .status import TargetStatus
from .types import AudioTrack, Ending, Frames, FrameSink, SinkResult


class RecordSwitch:
    """On or off; from any thread. It acts on the next block."""

    def __init__(self, on: bool) -> None:
        self._on = threading.Event()
        self.set(on)

    @property
    def on(self) -> bool:
        """What was asked for last."""
        return self._on.is_set()

    def set(self, on: bool) -> None:
        """Record from the next block on, or no more."""
        (self._on.set if on else self._on.clear)()


class Beside(Protocol):
    """What grows beside a file."""

    def write(self) -> None:
        """The file has grown."""

    def close(self, end: int) -> None:
        """It is finished; ``end`` is the number of the frame after its last one."""


@dataclass(frozen=True)
class StreamFormat:
    """What ``SinkSpec.open`` is told, what its sink asks at the end, and what grows beside its files.

    ``beside`` is called with a file's path and the number of its first frame.
    """

    width: int
    height: int
    fps: Fraction
    audio: AudioTrack | None
    ending: Callable[[], Ending | None] = lambda: None
    live_values: Callable[[], Mapping[str, Any]] = dict
    modulators: Callable[[], Mapping[str, Any]] = dict
    beside: Callable[[Path, int], Beside] | None = None


class RecordingSink(FrameSink):
    """One file for each stretch that is recorded; every file begins at 0 seconds.

    Finishing a file takes as long as copying it, so it happens beside the stream.

    Args:
        spec: of the first file; later ones are named after it.
        form: what is written.
        switch: whether to record.
        on_take: told of each file that was finished while the stream went on; from any thread.
    """

    def __init__(
        self, spec: SinkSpec, form: StreamFormat, switch: RecordSwitch, on_take: Callable[[SinkResult], None]
    ) -> None:
        self._spec = spec.sized(form.width, form.height)
        self._form = form
        self._switch = switch
        self._on_take = on_take
        self._takes = 0
        self._written = 0
        self._zero = Fraction(0)
        self._path = ""
        self._note = ""
        self._end_frame = 0
        self._sink: FrameSink | None = None
        self._beside: Beside | None = None
        self._finishing: threading.Thread | None = None
        self._last = SinkResult(path=None, frames=0, complete=False)
        self._failure: MediaError | None = None
        if switch.on and not spec.first:
            self._begin(Fraction(0), 0)

    def write(self, frames: Frames) -> None:
        if self._failure is not None:
            raise self._failure
        if not self._switch.on:
            self._finish()
            return
        frames = frames[max(0, self._spec.first - frames.index) :]
        if not len(frames):
            return
        if self._sink is None:
            self._begin(frames.pts[0], frames.index)
        assert self._sink is not None
        self._sink.write(replace(frames, pts=tuple(moment - self._zero for moment in frames.pts)))
        self._written += len(frames)
        self._end_frame = frames.index + len(frames)
        if self._beside is not None:
            self._beside.write()

    def status(self) -> TargetStatus:
        sink = self._sink
        status = None if sink is None else sink.status()
        if status is not None:
            self._note = status.note
        name = "" if sink is None else Path(self._path).name
        return TargetStatus("file", "recording" if sink else "off", self._note, self._written, file=name)

    def close(self) -> SinkResult:
        self._end(lambda sink: sink.close())
        if self._failure is not None:
            raise self._failure
        return self._last

    def abort(self) -> SinkResult:
        self._end(lambda sink: sink.abort())
        return self._last

    def _end(self, end: Callable[[FrameSink], SinkResult]) -> None:
        """End the file that is being written, after those before it; a failure is kept, and what is left."""
        sink, self._sink = self._sink, None
        self._wait()
        if sink is None:
            return
        self._close_beside()
        try:
            self._last = end(sink)
        except MediaError as error:
            self._failure = error
            self._last = sink.abort()

    def _close_beside(self) -> None:
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.close(self._end_frame)

    def _begin(self, moment: Fraction, frame: int) -> None:
        self._takes += 1
        spec, audio = take(self._spec, self._takes), self._form.audio
        if audio is not None:
            left = max(0.0, audio.duration - float(moment)) if audio.duration else 0.0
            audio = replace(audio, start=audio.start + float(moment), duration=left, begins=moment)
        form = self._form
        self._sink = spec.open(form.width, form.height, form.fps, audio)
        self._sink.ending = partial(_shifted, form.ending, moment)
        if change := spec.last_metadata:
            self._sink.last_tags = lambda: change(spec.metadata, form.live_values(), form.modulators())
        self._zero, self._path, self._end_frame = moment, spec.path, frame
        if form.beside is not None:
            self._beside = form.beside(Path(spec.path), frame)

    def _finish(self) -> None:
        """Close the file that is being written, if there is one, on a thread of its own."""
        sink, self._sink = self._sink, None
        if sink is None:
            return
        self._close_beside()
        self._wait()

        def work() -> None:
            try:
                self._last = sink.close()
            except MediaError as error:  # raised by the next call
                self._failure = error
                self._last = sink.abort()
            self._on_take(self._last)

        self._finishing = threading.Thread(target=work, name="livestyle-finish", daemon=True)
        self._finishing.start()

    def _wait(self) -> None:
        if self._finishing is not None:
            self._finishing.join()


def _shifted(ending: Callable[[], Ending | None], zero: Fraction) -> Ending | None:
    """How the source ended, on the clock of a file that began at ``zero``."""
    ended = ending()
    return None if ended is None else replace(ended, last=ended.last - zero, end=ended.end - zero)


def take(spec: SinkSpec, number: int) -> SinkSpec:
    """The file of a later take: ``name.mp4``, ``name_take2.mp4``, ..."""
    if number == 1:
        return spec
    path = Path(spec.path)
    return replace(spec, path=str(path.with_name(f"{path.stem}_take{number}{path.suffix}")))

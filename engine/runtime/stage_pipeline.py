"""StagePipeline: one runner's chunks through the lanes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ..families.base import Chunk, Runner
from ..families.remembered import copied_state
from ..media.types import Frames
from .control import Control
from .lanes import Lanes, Stage
from .live_values import LiveValues
from .parameters import ParameterStore
from .record_streams import record_streams
from .telemetry import Telemetry


@dataclass
class _Flight:
    """A chunk between ``feed`` and ``take``, with the values that are bound to it.

    Attributes:
        early: read as it entered the encode lane.
        late: read as it entered the denoise lane; with a delay they act on the result of an earlier chunk.
        shown: the late values that acted on ``pixels``.
        trial: whether it may be made again: ``first``, and ``again`` each time that it is.
    """

    frames: Frames
    chunk: Chunk
    early: LiveValues | None = None
    late: LiveValues | None = None
    shown: LiveValues | None = None
    pixels: np.ndarray | None = None
    trial: Literal["", "first", "again"] = ""


class _Jobs:
    """How many jobs the lanes hold. It refers to no runner, so that none is held when the last one ends.

    Args:
        control: woken when a job has ended.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._lock = threading.Lock()
        self._count = 0

    @property
    def pending(self) -> bool:
        """Whether there are any."""
        with self._lock:
            return self._count > 0

    def begin(self) -> None:
        """One is handed to a lane."""
        with self._lock:
            self._count += 1

    def end(self) -> None:
        """A lane has let go of one."""
        with self._lock:
            self._count -= 1
        self._control.wake()


class StagePipeline:
    """Encodes chunk k+1 while chunk k is denoised and chunk k-1 decoded, where each stage has a lane.

    ``feed`` and ``take`` belong to the session's thread. At most ``prefetch`` chunks have entered
    the encode lane and not yet the denoise lane, which bounds how late a live value can apply: a chunk
    that enters the encode lane after the change shows it, so at most ``prefetch + 1`` chunks pass.

    Args:
        runner: does the work; only lanes call it.
        lanes: of the runner's device.
        store: live values, read on entering the encode lane and, the late ones, on entering the denoise lane.
        telemetry: gets the time of each stage.
        control: woken when a chunk moves on; gets failures.
        prefetch: chunks encoded ahead, at least 1.
        remedy: what the artist should lower when memory runs out.
    """

    def __init__(
        self,
        runner: Runner,
        lanes: Lanes,
        store: ParameterStore,
        telemetry: Telemetry,
        control: Control,
        *,
        prefetch: int = 1,
        remedy: str = "",
    ) -> None:
        self._runner = runner
        self._lanes = lanes
        self._store = store
        self._telemetry = telemetry
        self._control = control
        self._prefetch = prefetch
        self._remedy = remedy
        self._keys = tuple(spec.key for spec in runner.live_parameters)
        self._lock = threading.Lock()
        self._flights: deque[_Flight] = deque()
        self._fed = 0
        self._held = 0  # chunks of source whose results the runner still holds back
        self._end = 0  # index of the frame after the last one fed
        self._drained = 0
        self._ahead = 0
        self._jobs = _Jobs(control)
        self._tried: _Flight | None = None
        self._before: Any = None  # what the runner remembered before the chunk on trial

    @property
    def wanted(self) -> int:
        """Frames that the next chunk needs; 0 while there is no room for it."""
        with self._lock:
            # One chunk being denoised, one being decoded and one waiting to be taken keep every lane busy.
            most = self._prefetch + 3 + self._held
            full = self._ahead >= self._prefetch or len(self._flights) >= most
        if full:
            return 0
        needs = self._runner.requirements
        return needs.chunk_frames if self._fed else needs.first

    @property
    def end(self) -> int:
        """Index of the frame after the last one fed; 0 before the first."""
        return self._end

    @property
    def idle(self) -> bool:
        """Whether no chunk is between ``feed`` and ``take``."""
        return not self._flights

    @property
    def working(self) -> bool:
        """Whether a lane still holds one of our jobs."""
        return self._jobs.pending

    def feed(self, frames: Frames) -> None:
        """Start a chunk; a short one (the last) is padded by repeating its last frame.

        Args:
            frames: at most ``wanted``, at least one. The runner generates those that aren't drawn.
        """
        self._feed(frames)

    def try_out(self, frames: Frames, again: bool = False) -> None:
        """The same on trial, while ``idle``; the same frames may come ``again``, for other values."""
        self._fed -= again
        self._feed(frames, "again" if again else "first")

    @property
    def repeatable(self) -> bool:
        """Whether the chunk on trial can be made again."""
        return self._before is not None

    def keep(self) -> None:
        """The chunk on trial stays as it was taken last: what it read is in the take."""
        flight, self._tried, self._before = self._tried, None, None
        assert flight is not None and flight.early is not None and flight.shown is not None
        frames = flight.frames
        self._store.keep(self._keys, flight.early, flight.shown, frames.index, frames.begins)

    def _feed(self, frames: Frames, trial: Literal["", "first", "again"] = "") -> None:
        needs = self._runner.requirements
        count = needs.chunk_frames if self._fed else needs.first
        given = frames.padded(count) if frames.drawn else None
        flight = _Flight(frames, Chunk(self._fed, given, len(frames), frames.index), trial=trial)
        with self._lock:
            self._flights.append(flight)
        if not self._fed and given is not None:
            self._held = needs.delay
        self._end = frames.index + len(frames)
        self._enter(flight)

    def drain(self) -> bool:
        """After the last chunk, start one without frames, whose result the runner still holds back.

        False if there is none, or no room.
        """
        with self._lock:
            if not self._held or self._ahead >= self._prefetch:
                return False
            self._held -= 1
        self._drained += 1  # so that each reads the live values at a frame of its own
        after = Frames.undrawn(self._end + self._drained, ())
        self._enter(_Flight(after, Chunk(self._fed, None, 0, self._end)))
        return True

    def _enter(self, flight: _Flight) -> None:
        with self._lock:
            self._ahead += 1
        self._fed += 1
        self._submit("encode", flight, lambda: self._encode(flight))

    @property
    def ready(self) -> bool:
        """Whether ``take`` has something to give."""
        with self._lock:
            return bool(self._flights) and self._flights[0].pixels is not None

    def take(self) -> Frames:
        """The oldest finished chunk, trimmed to its real frames; posts ``applied`` receipts.

        Changes of the live values come first, then the switches of a schedule.
        """
        with self._lock:
            flight = self._flights.popleft()
        assert flight.early is not None and flight.shown is not None and flight.pixels is not None
        self._tried = flight if flight.trial else None
        chunk, count = flight.chunk.index, len(flight.frames)
        frames = replace(flight.frames, pixels=flight.pixels[:count], chunk=chunk)
        self._store.applied(self._keys, flight.early, flight.shown, chunk, frames.index, frames.pts[0])
        for switch in self._runner.switches(chunk):
            if switch.frame < frames.index + count:  # not in the padding
                pts = frames.pts[switch.frame - frames.index]
                self._store.scheduled(switch.key, switch.value, chunk, switch.frame, pts)
        return frames

    def release(self) -> None:
        """Let go of all chunks and of what the runner can recompute; call when not ``working``."""
        self._flights.clear()
        self._tried = self._before = None
        self._runner.release_caches()

    def _encode(self, flight: _Flight) -> Any:
        if flight.trial == "again":
            self._runner.state = self._before
        if flight.trial:
            self._before = copied_state(self._runner)
        keys = () if flight.trial else self._keys
        flight.early = self._store.snapshot(flight.frames.begins, flight.frames.index, keys)
        flight.chunk = replace(flight.chunk, live=flight.early)
        return self._runner.encode(flight.chunk)

    def _denoise(self, flight: _Flight, encoded: Any) -> Any:
        with self._lock:
            self._ahead -= 1
        self._control.wake()
        keys = () if flight.trial else self._keys
        flight.late = self._store.late(flight.frames.begins, flight.frames.index, keys)
        record_streams(encoded)
        return self._runner.denoise(encoded, flight.late)

    def _decode(self, flight: _Flight, denoised: Any) -> np.ndarray:
        pixels = self._runner.decode(denoised)
        if not len(pixels) and self._runner.requirements.delay:
            return pixels
        with self._lock:
            served = self._served()
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or len(pixels) < len(served.frames):
            raise ValueError(
                f"the model gave {pixels.dtype} {pixels.shape} for {len(served.frames)} frames of uint8 RGB"
            )
        return pixels

    def _submit(self, stage: Stage, flight: _Flight, work: Callable[[], Any]) -> None:
        def checked() -> Any:
            self._control.check()
            return work()

        def done(result: Any, error: BaseException | None, seconds: float) -> None:
            if error is not None:
                self._control.fail(stage.capitalize(), error, self._remedy)
            elif not self._control.halted:
                self._telemetry.stage(stage, seconds, self._lanes.name(stage))
                self._advance(stage, flight, result)

        self._jobs.begin()
        self._lanes.submit(stage, flight.frames.index, checked, done, self._jobs.end)

    def _advance(self, stage: Stage, flight: _Flight, result: Any) -> None:
        """Queue the next stage from the lane itself, so that it never waits for another thread."""
        if stage == "encode":
            self._submit("denoise", flight, lambda: self._denoise(flight, result))
        elif stage == "denoise":
            self._submit("decode", flight, lambda: self._decode(flight, result))
        else:
            with self._lock:
                if len(result):
                    served = self._served()
                    served.pixels, served.shown = result, flight.late

    def _served(self) -> _Flight:
        """Whose result comes next: with a delay, a chunk that went in earlier."""
        return next(waiting for waiting in self._flights if waiting.pixels is None)

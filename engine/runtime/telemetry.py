"""What a session measures of itself."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ..media.status import SourceStatus, TargetStatus
from .memory import resident_bytes

Status = TypeVar("Status", SourceStatus, TargetStatus)

WINDOW = 512
"""Samples kept for percentiles."""

RECENT_S = 5.0
"""Seconds over which the current rate is averaged."""


@dataclass
class _Stage:
    """Time spent in one stage, in seconds."""

    count: int = 0
    total: float = 0.0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.recent.append(seconds)

    def summary(self) -> dict[str, float]:
        p50, p95 = _percentiles(self.recent)
        mean = self.total / self.count if self.count else 0.0
        return {"count": self.count, "mean_ms": round(mean * 1000, 3), "p50_ms": p50, "p95_ms": p95}


class Telemetry:
    """Counters of one session; every method may be called from any thread.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._over = False
        self._lock = threading.Lock()
        self._stages: dict[str, _Stage] = {}
        self._busy: dict[str, float] = {}
        self._queues: dict[str, int] = {}
        self._latency: deque[float] = deque(maxlen=WINDOW)
        self._deliveries: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._frames = 0
        self._drops = 0
        self._started: float | None = None
        self._last = 0.0
        self._first: float | None = None
        self._sources: dict[str, Callable[[], SourceStatus | None]] = {}
        self._targets: dict[str, Callable[[], TargetStatus | None]] = {}
        self._readouts: dict[str, Callable[[], Mapping[str, str]]] = {}

    def watch(
        self,
        sources: Mapping[str, Callable[[], SourceStatus | None]],
        targets: Mapping[str, Callable[[], TargetStatus | None]],
    ) -> None:
        """Set what gives the status of each source and target, by node; called until ``unwatch``."""
        with self._lock:
            self._sources, self._targets = dict(sources), dict(targets)

    def read(self, node: str, readout: Callable[[], Mapping[str, str]]) -> None:
        """Set what gives the short texts that a node shows (``Runner.readout``); called until ``unwatch``."""
        with self._lock:
            self._readouts[node] = readout

    def unwatch(self) -> None:
        """The session is over: keep the last values, and let go of what gave them."""
        sources, targets = self._statuses()
        readouts = self._read_out()
        with self._lock:
            self._over = True
            self._readouts = {node: partial(_same, shown) for node, shown in readouts.items()}
            self._sources = {name: partial(_same, status) for name, status in sources.items()}
            self._targets = {name: partial(_same, status) for name, status in targets.items()}

    def begin(self) -> None:
        """The first chunk is on its way: wall time counts from here."""
        with self._lock:
            if self._started is None:
                self._started = self._last = self._clock()

    def stage(self, name: str, seconds: float, lane: str = "") -> None:
        """A stage took ``seconds``; ``lane`` is the lane it kept busy, if it ran on one."""
        with self._lock:
            self._stages.setdefault(name, _Stage()).add(seconds)
            if lane:
                self._busy[lane] = self._busy.get(lane, 0.0) + seconds

    def delivered(self, captured_at: Iterable[float]) -> None:
        """Frames were written; ``captured_at`` has the clock's time at which each was decoded."""
        now = self._clock()
        with self._lock:
            latencies = [now - moment for moment in captured_at]
            self._latency.extend(latencies)
            self._deliveries.append((now, len(latencies)))
            self._frames += len(latencies)
            self._last = now
            if self._first is None and self._started is not None:
                self._first = now - self._started

    def queues(self, depths: Mapping[str, int]) -> None:
        """Frames that wait in each queue now."""
        with self._lock:
            self._queues = dict(depths)

    def drops(self, total: int) -> None:
        """``total`` frames were not shown in the preview so far; written ones are never dropped."""
        with self._lock:
            self._drops = total

    def notes(self) -> list[str]:
        """One line for each source or target that is not as it should be."""
        sources, targets = self._statuses()
        return [status.note for status in (*sources.values(), *targets.values()) if status.note]

    def _statuses(self) -> tuple[dict[str, SourceStatus], dict[str, TargetStatus]]:
        with self._lock:
            sources, targets = dict(self._sources), dict(self._targets)
        # Outside the lock: they have locks of their own.
        return _present(sources), _present(targets)

    def _read_out(self) -> dict[str, dict[str, str]]:
        with self._lock:
            readouts = dict(self._readouts)
        return {node: dict(shown) for node, readout in readouts.items() if (shown := readout())}

    @property
    def frames(self) -> int:
        """Frames delivered so far."""
        with self._lock:
            return self._frames

    def rate(self) -> float:
        """Frames delivered per wall second lately, until now or the end; 0 before the first.

        A stream that stalls slows down here too. One whose chunks take longer than ``RECENT_S`` is
        measured from the delivery before the last, else there would be none to count.
        """
        with self._lock:
            if self._started is None or not self._deliveries:
                return 0.0
            end = self._last if self._over else self._clock()
            before = self._deliveries[-2][0] if len(self._deliveries) > 1 else self._started
            since = max(self._started, min(before, end - RECENT_S))
            frames = sum(count for moment, count in self._deliveries if moment > since)
            return frames / max(end - since, 1e-6)

    def snapshot(self) -> dict[str, Any]:
        """Everything, JSON-able.

        ``first_frame_s`` counts from the moment that everything is loaded. ``lane_overlap`` is the
        wall time over the busy time of the busiest lane: 1 means that decoding, encoding and
        waiting are all hidden behind it.
        """
        sources, targets = self._statuses()
        readouts = self._read_out()
        with self._lock:
            wall = self._last - self._started if self._started is not None else 0.0
            p50, p95 = _percentiles(self._latency)
            busy = max(self._busy.values(), default=0.0)
            return {
                "frames": self._frames,
                "wall_s": round(wall, 4),
                "first_frame_s": None if self._first is None else round(self._first, 4),
                "fps": round(self._frames / wall, 3) if wall else 0.0,
                "latency_ms": {"p50": p50, "p95": p95},
                "stages": {name: stage.summary() for name, stage in self._stages.items()},
                "busy_s": {lane: round(seconds, 4) for lane, seconds in self._busy.items()},
                "lane_overlap": round(wall / busy, 4) if busy else None,
                "queues": dict(self._queues),
                "drops": self._drops,
                "sources": {name: asdict(status) for name, status in sources.items()},
                "targets": {name: asdict(status) for name, status in targets.items()},
                "source_drops": sum(status.dropped for status in sources.values()),
                "readouts": readouts,
                "memory_mb": round(resident_bytes() / 1e6, 1),
            }


def _present(getters: Mapping[str, Callable[[], Status | None]]) -> dict[str, Status]:
    return {name: status for name, get in getters.items() if (status := get()) is not None}


def _same(status: Any) -> Any:
    return status


def _percentiles(seconds: Iterable[float]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds; zeros without samples."""
    samples = np.fromiter(seconds, float)
    if not len(samples):
        return 0.0, 0.0
    p50, p95 = np.percentile(samples, (50, 95)) * 1000
    return round(float(p50), 3), round(float(p95), 3)

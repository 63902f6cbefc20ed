"""What a soak has seen of one session."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil


@dataclass
class Records:
    """One session as it was seen from outside.

    Attributes:
        started: ``time.monotonic()`` of its first sample.
        samples: resources of the server, and what was dropped and applied till then, every few seconds; ``s``
            counts from the start.
        latencies: seconds since the start, and seconds from a picture's capture to its arrival at the viewer.
        rates: seconds since the start, pictures a second that the session finishes lately.
        telemetry: the last telemetry.
        counts: what was done, and what came back.
        cpu_cores: CPU seconds of the server a second.
    """

    started: float = field(default_factory=time.monotonic)
    samples: list[dict[str, float]] = field(default_factory=list)
    latencies: list[tuple[float, float]] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)
    telemetry: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("changes", "applied", "drawn", "deaths", "takes"), 0)
    )
    cpu_cores: float = 0.0

    def sample(self, resources: dict[str, float]) -> None:
        """Keep what the server holds now."""
        so_far = {"dropped": self.source.get("dropped", 0), "applied": self.counts["applied"]}
        self.samples.append({"s": self._now, **resources, "load": psutil.getloadavg()[0], **so_far})

    def seen(self, latency: float) -> None:
        """A picture has arrived."""
        self.latencies.append((self._now, latency))

    def hear(self, said: dict[str, Any]) -> None:
        """A text message of the session."""
        kind = said.get("type")
        if kind == "telemetry":
            self.telemetry = said
        elif kind == "state":
            self.rates.append((self._now, said["fps"]))
        elif kind in ("applied", "take"):
            self.counts["takes" if kind == "take" else kind] += 1

    @property
    def source(self) -> dict[str, Any]:
        """The last telemetry of the source."""
        return next(iter(self.telemetry.get("sources", {}).values()), {})

    @property
    def taken_fps(self) -> float:
        """Pictures a second that the session finished in its second half."""
        late = [fps for moment, fps in self.rates if moment > self._now / 2]
        return float(np.median(late)) if late else 0.0

    @property
    def _now(self) -> float:
        return time.monotonic() - self.started

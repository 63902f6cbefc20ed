"""What a soak comes to, and what of it must not be. docs/measures.md defines the keys."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import theilslopes
from soak_records import Records

WARM_UP = 0.3
"""Share of the run before anything counts: caches and heaps fill in it."""

MOST_WINDOWS, SHORTEST_WINDOW_S = 6, 60.0
"""Equal parts of what counts, between which latency is compared."""

TEN_MINUTES_S = 600.0

COUNTED = ("threads", "handles", "sockets", "children")

SLOPE = 1.0
"""Megabytes a minute that memory may grow."""

BREATH_MB = 12.0
"""Range within which flat memory was seen to come and go; in a short run that looks like a slope."""

STEADY = 0.10
"""Share by which the p95 of a window may differ from the median window's."""


def report(seen: Records, seconds: float) -> dict[str, Any]:
    """What was measured, JSON-able; without what is left at the end."""
    begin = seconds * WARM_UP
    late = [sample for sample in seen.samples if sample["s"] >= begin]
    load = [sample["load"] for sample in late]
    windows = latency_windows(seen, _edges(begin, seconds))
    measured: dict[str, Any] = {
        "minutes": round(seconds / 60, 2),
        "counted_minutes": round((seconds - begin) / 60, 2),
        "load": [round(float(at(load)), 2) for at in (np.min, np.median, np.max)],
        "cores": os.cpu_count(),
        "cpu_cores": seen.cpu_cores,
        "rss_slope_mb_per_min": round(_slope(late, "rss_mb"), 3),
        "rss_mb": [round(late[0]["rss_mb"], 1), round(late[-1]["rss_mb"], 1)],
        "drift": {name: round(_slope(late, name) * (seconds - begin) / 60, 2) for name in COUNTED},
        **{name: [min(s[name] for s in late), max(s[name] for s in late)] for name in COUNTED},
        **windows,
        "source": seen.source,
        **seen.counts,
        "by_minute": _by_minute(seen, seconds),
    }
    if seconds - begin >= TEN_MINUTES_S:
        measured["ten_minutes"] = latency_windows(seen, _edges(begin, begin + TEN_MINUTES_S))
    return measured


def latency_windows(seen: Records, edges: Sequence[float]) -> dict[str, Any]:
    """Glass-to-glass p95 in milliseconds, rate and frames on their way, between each two ``edges`` (seconds).

    ``deviation`` is the largest share by which a window differs from the median window, and
    ``deviation_on_the_way`` the same of p95 times rate, which the speed of the machine does not change.
    """
    spans = list(zip(edges[:-1], edges[1:], strict=True))
    p95 = np.array([np.percentile(_between(seen.latencies, *span) or [0.0], 95) for span in spans])
    rates = np.array([np.median(_between(seen.rates, *span) or [0.0]) for span in spans])
    return {
        "latency_p95_ms": [round(float(value * 1000), 1) for value in p95],
        "fps": [round(float(value), 2) for value in rates],
        "deviation": _deviation(p95),
        "deviation_on_the_way": _deviation(p95 * rates),
    }


def problems(measured: dict[str, Any]) -> list[str]:
    """What a soak must not show, a line each."""
    found = []
    slope = measured["rss_slope_mb_per_min"]
    if slope > SLOPE and slope * measured["counted_minutes"] > BREATH_MB:
        found.append(f"memory grew by {slope} MB a minute")
    found += [f"{drift:+} {name} over the run" for name, drift in measured["drift"].items() if drift >= 1]
    found += [f"{count} {name} are left after Stop" for name, count in measured["left"].items() if count > 0]
    # A machine that others use too becomes slower and faster; a queue that grows has more frames in it.
    if min(measured["deviation"], measured["deviation_on_the_way"]) > STEADY:
        found.append(
            f"latency is not constant: p95 of {measured['latency_p95_ms']} ms at {measured['fps']} fps"
        )
    if not measured["performs"] and not measured["source"].get("dropped"):
        found.append("the source was not too fast: nothing was dropped")
    if measured["unplayable"]:
        found.append(f"not playable: {', '.join(measured['unplayable'])}")
    found += [f"nothing was {name}" for name in ("changes", "applied", "drawn") if not measured[name]]
    deaths, reconnects = measured["deaths"], measured["source"].get("reconnects", 0)
    if deaths and reconnects < deaths - 1:  # the last one may have had no time to come back
        found.append(f"the source died {deaths} times and came back {reconnects} times")
    return found


def unplayable(files: Sequence[Path]) -> list[str]:
    """Names of the files that ffprobe finds fault with."""
    return [file.name for file in files if not _plays(file)]


def _edges(begin: float, end: float) -> np.ndarray:
    windows = int(np.clip((end - begin) // SHORTEST_WINDOW_S, 2, MOST_WINDOWS))
    return np.linspace(begin, end, windows + 1)


def _slope(samples: Sequence[dict[str, float]], name: str) -> float:
    """Growth a minute, Theil-Sen's: a line that single outliers do not turn."""
    if len(samples) < 2:
        return 0.0
    return float(theilslopes([each[name] for each in samples], [each["s"] / 60 for each in samples])[0])


def _deviation(values: np.ndarray) -> float:
    middle = float(np.median(values))
    return round(float(np.abs(values / middle - 1).max()), 3) if middle else 0.0


def _between(points: Sequence[tuple[float, float]], start: float, stop: float) -> list[float]:
    return [value for moment, value in points if start <= moment < stop]


def _by_minute(seen: Records, seconds: float) -> dict[str, list[float]]:
    """The whole run, warm-up included: a list for each measure."""
    edges = np.arange(int(seconds // 60) + 1) * 60
    rows: dict[str, list[float]] = defaultdict(list)
    before = dict.fromkeys(("dropped", "applied"), 0.0)
    for start, stop in itertools.pairwise(edges):
        samples = [sample for sample in seen.samples if start <= sample["s"] < stop]
        for name in ("rss_mb", *COUNTED, "load"):
            rows[name].append(round(float(np.median([s[name] for s in samples])), 1))
        for name in before:
            rows[name].append(samples[-1][name] - before[name])
            before[name] = samples[-1][name]
    windows = latency_windows(seen, edges)
    return {**rows, **{name: windows[name] for name in ("latency_p95_ms", "fps")}}


def _plays(file: Path) -> bool:
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", str(file)]
    answer = subprocess.run(command, capture_output=True, text=True)
    return answer.returncode == 0 and "nb_read_frames=" in answer.stdout and not answer.stderr

"""What a soak finds fault with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from soak_records import Records
from soak_report import COUNTED, latency_windows, problems, report

SECONDS = 3600
FPS = 20.0


def records(
    latency: Callable[[float], float] = lambda s: 0.3,
    rate: Callable[[float], float] = lambda s: FPS,
    **resources: Callable[[float], float],
) -> Records:
    """An hour in which everything is as it should be but for what is given, by the second."""
    noise = np.random.default_rng(0)
    seen = Records(
        cpu_cores=0.5, counts=dict.fromkeys(("changes", "applied", "drawn", "deaths", "takes"), 10)
    )
    usual = {"rss_mb": lambda s: 900.0, **{name: (lambda s: 12.0) for name in COUNTED}, "load": lambda s: 1.0}
    usual |= {"dropped": lambda s: s // 60 * 7 + 3, "applied": lambda s: 5 * s}
    for s in range(0, SECONDS, 2):
        values = {name: value(s) for name, value in {**usual, **resources}.items()}
        seen.samples.append({"s": s, **values, "rss_mb": values["rss_mb"] + noise.normal(0, 5)})
        seen.rates.append((s, rate(s)))
        seen.latencies += [(s, latency(s) * noise.uniform(0.5, 1.0)) for _ in range(20)]
    seen.telemetry = {"sources": {"1": {"dropped": 5, "reconnects": 10}}}
    return seen


def found(seen: Records, **more: Any) -> list[str]:
    rest = {"left": dict.fromkeys(COUNTED, 0), "unplayable": [], "performs": False, **more}
    return problems({**report(seen, SECONDS), **rest})


def test_an_hour_without_fault() -> None:
    seen = records()
    assert found(seen) == []
    measured = report(seen, SECONDS)
    assert all(len(row) == 60 for row in measured["by_minute"].values())
    assert measured["by_minute"]["dropped"][:3] == [3, 7, 7]
    assert measured["by_minute"]["applied"][1:3] == [300, 300]
    assert len(measured["latency_p95_ms"]) == 6
    assert measured["ten_minutes"]["deviation"] < 0.05
    assert measured["latency_p95_ms"][0] == pytest.approx(0.3 * 975, rel=0.02)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rss_mb": lambda s: 900 + s / 60 * 1.5}, "memory grew"),
        ({"threads": lambda s: 12 + s // 1200}, "threads"),
        ({"handles": lambda s: 12 + s // 100}, "handles"),
        ({"sockets": lambda s: 12 + s // 1000}, "sockets"),
        ({"latency": lambda s: 0.3 + s / SECONDS}, "latency"),
    ],
)
def test_what_grows_is_found(wrong: dict[str, Callable[[float], float]], says: str) -> None:
    (line,) = found(records(**wrong))
    assert says in line


@pytest.mark.parametrize(
    "usual",
    [
        {"rss_mb": lambda s: 900 + (300 if 2000 < s < 2100 else 0)},  # one spike
        {"threads": lambda s: 12 + (s // 25) % 2},  # comes with each recording and goes with it
        {"latency": lambda s: 0.3 if s < 2000 else 0.6, "rate": lambda s: FPS if s < 2000 else FPS / 2},
    ],
    ids=["spike", "coming and going", "slower machine"],
)
def test_what_comes_and_goes_is_not(usual: dict[str, Callable[[float], float]]) -> None:
    assert found(records(**usual)) == []


def test_what_is_left_or_broken_is_found() -> None:
    assert "sockets" in found(records(), left={**dict.fromkeys(COUNTED, 0), "sockets": 1})[0]
    assert "take2.mp4" in found(records(), unplayable=["take2.mp4"])[0]
    silent = records()
    silent.telemetry = {"sources": {"1": {"dropped": 0, "reconnects": 3}}}
    assert ["came back 3" in line for line in found(silent, performs=True)] == [True]
    assert ["dropped" in line or "came back 3" in line for line in found(silent)] == [True, True]


def test_a_window_without_pictures_is_no_latency() -> None:
    assert latency_windows(Records(), (0, 10, 20))["latency_p95_ms"] == [0.0, 0.0]


def test_outliers_do_not_turn_the_slope_of_memory() -> None:
    seen = records(rss_mb=lambda s: 1e6 if s % 20 == 0 else 900.0 + s / 30)
    assert report(seen, SECONDS)["rss_slope_mb_per_min"] == pytest.approx(2.0, abs=0.05)

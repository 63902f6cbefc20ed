"""Telemetry: sums, percentiles, rates, JSON."""

from __future__ import annotations

import json
import time

import pytest
from what_is_held import reachable

from livestyle.engine.runtime.telemetry import WINDOW, Telemetry


def test_stages_lanes_and_latencies_add_up():
    telemetry = Telemetry()
    telemetry.begin()
    for milliseconds in range(1, 101):
        telemetry.stage("denoise", milliseconds / 1000, "compute")
    telemetry.stage("decode", 0.5, "compute")
    telemetry.stage("write", 9.0)
    now = time.monotonic()
    telemetry.delivered([now - 0.1, now - 0.2, now - 0.3])
    telemetry.queues({"9 write": 3})
    telemetry.drops(2)
    snapshot = telemetry.snapshot()
    json.dumps(snapshot)
    denoise = snapshot["stages"]["denoise"]
    assert denoise["count"] == 100
    assert denoise["mean_ms"] == pytest.approx(50.5)
    assert denoise["p50_ms"] == pytest.approx(50.5)
    assert denoise["p95_ms"] == pytest.approx(95.05)
    assert snapshot["busy_s"] == {"compute": pytest.approx(5.55)}
    assert snapshot["frames"] == telemetry.frames == 3
    assert 0 <= snapshot["first_frame_s"] <= snapshot["wall_s"]
    assert 200 <= snapshot["latency_ms"]["p50"] < 5000
    assert snapshot["queues"] == {"9 write": 3} and snapshot["drops"] == 2
    assert snapshot["lane_overlap"] == pytest.approx(snapshot["wall_s"] / 5.55, abs=1e-4)


def test_nothing_yet_is_no_error():
    telemetry = Telemetry()
    snapshot = telemetry.snapshot()
    assert snapshot["fps"] == 0.0 and snapshot["first_frame_s"] is None and snapshot["lane_overlap"] is None
    assert telemetry.rate() == 0.0


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def playing(seconds: float, every: float, frames: int) -> tuple[Telemetry, Clock]:
    """A telemetry to which ``frames`` were delivered at once, ``every`` so many seconds."""
    clock = Clock()
    telemetry = Telemetry(clock)
    telemetry.begin()
    for _ in range(round(seconds / every)):
        clock.now += every
        telemetry.delivered([clock.now] * frames)
    return telemetry, clock


def test_the_rate_is_that_of_the_last_seconds():
    telemetry, clock = playing(20, every=0.1, frames=1)
    assert telemetry.rate() == pytest.approx(10, rel=0.03)
    for _ in range(20):
        clock.now += 0.5
        telemetry.delivered([clock.now])
    assert telemetry.rate() == pytest.approx(2, rel=0.15)


def test_a_stream_that_stalls_slows_down_until_it_goes_on():
    telemetry, clock = playing(20, every=0.1, frames=1)
    rates = []
    for _ in range(4):
        clock.now += 2.0
        rates.append(telemetry.rate())
    assert rates[0] == pytest.approx(6, rel=0.05) and rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.5
    for _ in range(60):
        clock.now += 0.1
        telemetry.delivered([clock.now])
    assert telemetry.rate() == pytest.approx(10, rel=0.03)


def test_chunks_that_take_long_are_counted_too():
    telemetry, clock = playing(40, every=10.0, frames=12)
    assert telemetry.rate() == pytest.approx(1.2)
    clock.now += 9.0  # the next one is on its way
    assert telemetry.rate() == pytest.approx(12 / 19)


def test_what_has_ended_keeps_its_rate():
    telemetry, clock = playing(20, every=0.1, frames=1)
    telemetry.unwatch()
    clock.now += 60
    assert telemetry.rate() == pytest.approx(10, rel=0.03)


def test_memory_stays_flat():
    telemetry = Telemetry()
    telemetry.begin()
    sizes = []
    for windows in (2, 10):
        while telemetry.frames < windows * WINDOW:
            telemetry.stage("encode", 0.001 * telemetry.frames)
            telemetry.delivered([float(telemetry.frames)])
        sizes.append(len(list(reachable(telemetry))))
    assert telemetry.snapshot()["stages"]["encode"]["count"] == 10 * WINDOW
    assert sizes[0] == sizes[1] > 3 * WINDOW

"""What Prometheus reads at /metrics: sessions, frames, rate, latency, drops and memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import torch
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..engine.runtime.memory import resident_bytes
from ..engine.runtime.registry import SessionRegistry

STATES = ("loading", "warming", "running", "draining")


class SessionMetrics(Collector):
    """Read at each scrape; nothing is counted in between.

    Args:
        sessions: of this process.
        outcomes: runs so far by how they ended.
    """

    def __init__(self, sessions: SessionRegistry, outcomes: Mapping[str, int]) -> None:
        self._sessions = sessions
        self._outcomes = outcomes

    def collect(self) -> Iterable[Metric]:
        running = self._sessions.running()
        states = Counter(session.state for session in running)
        count = GaugeMetricFamily("livestyle_sessions", "Sessions by state.", labels=["state"])
        for state in STATES:
            count.add_metric([state], states[state])
        runs = CounterMetricFamily("livestyle_runs", "Ended runs by outcome.", labels=["outcome"])
        for outcome in ("done", "failed", "cancelled"):
            runs.add_metric([outcome], self._outcomes.get(outcome, 0))
        by_node = ["node", "session"]
        frames = CounterMetricFamily("livestyle_frames", "Frames written.", labels=by_node)
        fps = GaugeMetricFamily("livestyle_fps", "Frames a second over the last 5 s.", labels=by_node)
        latency = GaugeMetricFamily(
            "livestyle_latency_seconds",
            "From capture or decoding to the target, of the last 512 frames.",
            labels=[*by_node, "quantile"],
        )
        drops = CounterMetricFamily("livestyle_drops", "Frames left out.", labels=[*by_node, "where"])
        for session in running:
            told, names = session.telemetry.snapshot(), [session.node_id, session.id]
            frames.add_metric(names, told["frames"])
            fps.add_metric(names, session.progress.fps)
            for quantile, key in (("0.5", "p50"), ("0.95", "p95")):
                latency.add_metric([*names, quantile], told["latency_ms"][key] / 1000)
            drops.add_metric([*names, "source"], told["source_drops"])
            drops.add_metric([*names, "preview"], told["drops"])
        memory = GaugeMetricFamily("livestyle_memory_bytes", "Memory of the process.", labels=["where"])
        memory.add_metric(["host"], resident_bytes())
        if torch.cuda.is_available():
            memory.add_metric(["device"], torch.cuda.memory_allocated())
        return [count, runs, frames, fps, latency, drops, memory]

"""What a worker of a Ray cluster costs: two nodes of one core on this machine, real processes.

Chunks are played by a runner here and by one on a worker in turn, one at a time, so that the difference is
the way there and back. CPU time is that of this process and of all Ray's.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from ...engine.cluster.remote_model import RemoteModel
from ...engine.conditioning.recipe import ConditioningRecipe
from ...engine.families import StreamRequest, demo_checkpoints, load_model, make_runner
from ...engine.families.base import Chunk, DenoiseSettings, ModelHandle, Runner
from ...engine.media.sinks import SinkSpec
from ...engine.media.sources import SourceSpec
from ...engine.media.types import Frames
from ...engine.runtime.plan import PlanNode, Read, Stylise, Write
from ...engine.runtime.session import StreamSession
from . import farm

SIDE, CHUNKS, KILLS = 256, 60, 3
PORT = 10477
RECIPE = ConditioningRecipe(prompt="make it an oil painting", node_id="3")
CLIP = Path(__file__).parents[2] / "example_media" / "flower.mp4"


def measure(short: bool = False) -> dict[str, Any]:
    """All figures; ``short`` only shows that they can be measured."""
    torch.set_num_threads(1)  # as Ray gives a worker
    handle = ModelHandle(
        str(demo_checkpoints()["demo: mllm-edit"]), dtype="fp32", node_id="2", run_on="cluster"
    )
    report: dict[str, Any] = {"cores": os.cpu_count(), "side": SIDE, "short": short}
    with _cluster():
        report |= _way(handle, 8 if short else CHUNKS)
        kills = [round(_kill_to_picture(handle), 2) for _ in range(1 if short else KILLS)]
    return report | {"kill_to_picture_s": kills, "farm": farm.throughput(SIDE, short)}


@contextmanager
def _cluster() -> Iterator[None]:
    import ray
    from ray.cluster_utils import Cluster

    os.environ["LIVESTYLE_RAY_ADDRESS"] = f"ray://127.0.0.1:{PORT}"
    node = {"object_store_memory": 100 << 20}
    head = {**node, "num_cpus": 0, "include_dashboard": False, "ray_client_server_port": PORT}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1, **node)
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


def _way(handle: ModelHandle, chunks: int) -> dict[str, Any]:
    """Milliseconds and CPU time that the way to a worker and back adds."""
    request = StreamRequest(DenoiseSettings(width=SIDE, height=SIDE), RECIPE, "4", "2", SIDE, SIDE)
    local = load_model(handle, torch.device("cpu"), torch.float32)
    remote = RemoteModel(handle, lambda line: None, lambda: None)
    runners = (make_runner(local, request), remote.own_runner(request))
    wall: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    with torch.inference_mode():
        for index in range(chunks + 4):
            for side, runner in enumerate(runners):
                started, before = time.perf_counter(), _cpu_seconds()
                _play(runner, index)
                if index >= 4:  # the first ones warm up
                    wall[side].append((time.perf_counter() - started) * 1000)
                    cpu[side].append((_cpu_seconds() - before) * 1000)
    runners[1].release_caches()
    frames = runners[0].requirements.chunk_frames
    added = np.subtract(wall[1], wall[0])
    return {
        "frames_in_a_chunk": frames,
        "chunk_here_ms": _percentiles(wall[0]),
        "chunk_there_ms": _percentiles(wall[1]),
        "added_ms": _percentiles(added),
        "chunks": chunks,
        "cpu_here_ms_a_frame": round(sum(cpu[0]) / chunks / frames, 2),
        "added_cpu_ms_a_frame": round((sum(cpu[1]) - sum(cpu[0])) / chunks / frames, 2),
    }


def _play(runner: Runner, index: int) -> None:
    """One chunk of noise through all stages."""
    count = runner.requirements.chunk_frames if index else runner.requirements.first
    pixels = np.random.default_rng(index).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
    first = index * count
    frames = Frames(pixels, first, tuple(Fraction(first + each, 24) for each in range(count)))
    live = {spec.key: spec.default for spec in runner.live_parameters}
    runner.decode(runner.denoise(runner.encode(Chunk(index, frames, count, first, live)), live))


def _kill_to_picture(handle: ModelHandle) -> float:
    """Seconds from SIGKILL to the worker until frames are written again."""
    there = PlanNode(Read(SourceSpec("file", str(CLIP), fingerprint="clip")), node_id="1")
    model = ModelHandle(handle.checkpoint, dtype="fp32", node_id="2", run_on="cluster", on_loss="restart")
    there = PlanNode(Stylise(model, RECIPE, DenoiseSettings(width=64, height=64)), (there,), "4")
    with tempfile.TemporaryDirectory() as folder:
        plan = PlanNode(Write(SinkSpec(str(Path(folder) / "out.mp4"))), (there,), "5")
        session = StreamSession(plan, lambda unused: None)
        session.start()
        _until(session, lambda: session.progress.done >= 8)
        os.kill(int(_worker(session).split()[1]), signal.SIGKILL)
        killed = time.perf_counter()
        _until(session, lambda: "lost" in _worker(session))
        done = session.progress.done
        _until(session, lambda: session.progress.done > done)
        seconds = time.perf_counter() - killed
        session.stop()
        session.wait(60)
        session.join(60)
    return seconds


def _until(session: StreamSession, condition: Callable[[], bool]) -> None:
    """Wait; a session that has ended before is an error."""
    while not condition():
        if session.wait(0.005):
            raise RuntimeError(f"the session ended: {session.stage}")


def _worker(session: StreamSession) -> str:
    return session.telemetry.snapshot()["readouts"]["4"]["worker"].replace(",", " ")


def _cpu_seconds() -> float:
    """Of this process and all below it."""
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _percentiles(values: Any) -> dict[str, float]:
    p50, p95 = np.percentile(values, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}

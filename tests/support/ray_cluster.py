"""Ray's own cluster of several nodes on this machine, of real processes, and sessions that use it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stream_servers import free_port

from livestyle.engine.cluster.connection import ClusterError, connect
from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.families import demo_checkpoints, load_model
from livestyle.engine.families.base import DenoiseSettings, ModelHandle
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.runtime.plan import PlanNode, Read, Stylise, Write
from livestyle.engine.runtime.session import StreamSession

ROOT = Path(__file__).resolve().parents[2]
STORE = 100 << 20
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


@contextmanager
def ray_cluster(nodes: int, cache: Path, port: int | None = None, **node: int) -> Iterator[str]:
    """A head without cores and ``nodes`` nodes of one core each; gives and sets LIVESTYLE_RAY_ADDRESS.

    Args:
        nodes: beside the head.
        cache: LIVESTYLE_CACHE of the workers.
        port: of the head; a free one without.
        node: what else of resources each node claims to have.
    """
    pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    import ray
    from ray.cluster_utils import Cluster

    port = port or free_port()
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LIVESTYLE_RAY_ADDRESS", f"ray://127.0.0.1:{port}")
        environment.setenv("LIVESTYLE_CACHE", str(cache))
        cluster = _started(lambda: Cluster(True, head_node_args={**head, "ray_client_server_port": port}))
        try:
            for _ in range(nodes):
                claims = {"num_cpus": 1, "object_store_memory": STORE, **node}
                _started(lambda claims=claims: cluster.add_node(**claims))
            _wait_for_the_head()
            yield os.environ["LIVESTYLE_RAY_ADDRESS"]
        finally:
            ray.shutdown()
            cluster.shutdown()


def _started(start: Callable[[], Any], attempts: int = 3) -> Any:
    """Ray gives a node 30 s to come up, which a busy machine may miss; what came up goes first."""
    import psutil

    before = set(psutil.Process().children(recursive=True))
    for attempt in range(attempts):
        try:
            return start()
        except Exception as error:  # Ray has no class of its own for it
            if "timed out during startup" not in str(error) or attempt == attempts - 1:
                raise
            left = set(psutil.Process().children(recursive=True)) - before
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=30)
    raise AssertionError


def _wait_for_the_head(seconds: float = 200.0) -> None:
    """Its port for clients opens after the rest."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connect()
            return
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def handle(demo: str = "mllm-edit", **fields: Any) -> ModelHandle:
    """A demo checkpoint, in float32 so that every machine computes the same."""
    return ModelHandle(str(demo_checkpoints()[f"demo: {demo}"]), dtype="fp32", node_id="2", **fields)


def session_of(clip: Path, target: Path, model: ModelHandle, **settings: Any) -> StreamSession:
    """A session that restyles a clip and keeps all its pictures."""
    read = PlanNode(Read(SourceSpec("file", str(clip), fingerprint="clip")), node_id="1")
    recipe = ConditioningRecipe(prompt="make it an oil painting", node_id="3")
    denoise = DenoiseSettings(**{"width": 64, "height": 64, **settings})
    stylised = PlanNode(Stylise(model, recipe, denoise), (read,), "4")
    plan = PlanNode(Write(SinkSpec(str(target), keep_last=256)), (stylised,), "5")
    return StreamSession(plan, lambda each: load_model(each, torch.device("cpu"), torch.float32))


def played(session: StreamSession) -> StreamSession:
    """The session, played to its end."""
    session.start()
    assert session.wait(300), f"{session.stage}: {session.progress}"
    assert session.join(60)
    return session


def pictures(session: StreamSession) -> np.ndarray:
    """All pictures of a session that has ended well."""
    assert session.error is None, session.error
    tail = session.results["5"].tail
    assert tail is not None
    return tail


def pictures_here(clip: Path, demo: str = "mllm-edit") -> np.ndarray:
    """What one machine makes of a clip, in a process of its own with one thread, as Ray gives a worker.

    How many threads share a sum decides its last bit.
    """
    result = clip.with_name(f"{demo}.npy")
    program = f"""
import sys
sys.path[:0] = {[str(ROOT / "scripts"), str(ROOT / "tests" / "support")]!r}
import pack
pack.load_pack()
import numpy, pathlib, ray_cluster as cluster
clip, result = pathlib.Path({str(clip)!r}), {str(result)!r}
session = cluster.session_of(clip, clip.with_name({demo!r} + ".mp4"), cluster.handle({demo!r}))
numpy.save(result, cluster.pictures(cluster.played(session)))
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return np.load(result)


def until(condition: Callable[[], Any], session: StreamSession, seconds: float = 200.0) -> Any:
    """What ``condition`` gives, once it is true."""
    deadline = time.monotonic() + seconds
    while not (given := condition()):
        assert time.monotonic() < deadline and not session.wait(0), (session.state, session.stage)
        time.sleep(0.01)
    return given


def worker_pid(session: StreamSession) -> int:
    """The process that a session's model runs in, as the node shows it."""
    shown = session.telemetry.snapshot()["readouts"]["4"]["worker"]
    return int(shown.split(",")[0].split()[-1])


def kill_worker(session: StreamSession, frames: int) -> None:
    """SIGKILL to it once so many frames are written."""
    until(lambda: session.progress.done >= frames, session)
    os.kill(worker_pid(session), signal.SIGKILL)

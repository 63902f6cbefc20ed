"""Sessions whose model runs on another node of a real Ray cluster."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from ray_cluster import (
    handle,
    kill_worker,
    pictures,
    pictures_here,
    played,
    ray_cluster,
    session_of,
    until,
    worker_pid,
)
from sample_clips import make_clip

from livestyle.engine.cluster import link, weights
from livestyle.engine.cluster.facts import facts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ray's cluster for tests is for Linux")

FRAMES = 96


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workers keep weights that were sent to them."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def cluster(cache: Path) -> Iterator[str]:
    with ray_cluster(2, cache) as address:
        yield address


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=FRAMES, size=(64, 64))


@pytest.fixture(scope="module")
def here(clip: Path) -> np.ndarray:
    """What this machine makes of the clip."""
    return pictures_here(clip)


def _frames(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def test_the_pictures_are_those_of_one_machine(
    cluster: str, clip: Path, here: np.ndarray, tmp_path: Path
) -> None:
    session = session_of(clip, tmp_path / "there.mp4", handle(run_on="cluster"))
    receipts: list[dict] = []
    session.listen(lambda event: receipts.append(dict(event)))
    session.store.set("4.seed", 0, seq=7)
    there = pictures(played(session))
    assert np.array_equal(here, there) and len(there) == FRAMES
    assert worker_pid(session) != os.getpid()
    assert [each["type"] for each in receipts if each.get("seq") == 7] == ["received", "applied"]


def test_a_killed_worker_leaves_a_file_and_a_line(cluster: str, clip: Path, tmp_path: Path) -> None:
    session = session_of(clip, tmp_path / "lost.mp4", handle(run_on="cluster"))
    session.start()
    kill_worker(session, 8)
    assert session.wait(60) and session.join(60)
    assert session.state == "failed" and "was lost" in session.stage and "\n" not in session.stage
    assert 8 <= _frames(tmp_path / "lost.mp4") < FRAMES


def test_another_worker_goes_on_to_the_bit(
    cluster: str, clip: Path, here: np.ndarray, tmp_path: Path
) -> None:
    session = session_of(clip, tmp_path / "on.mp4", handle(run_on="cluster", on_loss="restart"))
    session.start()
    kill_worker(session, 8)
    assert session.wait(300) and session.join(60)
    assert np.array_equal(here, pictures(session))
    assert "1 lost" in session.telemetry.snapshot()["readouts"]["4"]["worker"]


def test_cancel_frees_the_core(cluster: str, clip: Path, tmp_path: Path) -> None:
    for number in range(3):  # of two cores
        session = session_of(clip, tmp_path / f"{number}.mp4", handle(run_on="cluster"))
        session.start()
        until(lambda session=session: session.progress.done, session)
        session.cancel()
        assert session.join(60) and _frames(tmp_path / f"{number}.mp4")


@pytest.mark.parametrize("demo", ["rtr-dit", "streamedit-dit"])
def test_models_with_a_memory_go_on_with_every_frame(
    cluster: str, clip: Path, tmp_path: Path, demo: str
) -> None:
    """Their first chunk is shorter, or results come later than their source."""
    there = handle(demo, run_on="cluster", on_loss="restart")
    session = session_of(clip, tmp_path / "on.mp4", there, width=128, height=128)
    session.start()
    kill_worker(session, 24)
    assert session.wait(300) and session.join(60)
    assert len(pictures(session)) == FRAMES


def test_sessions_wait_for_a_core_and_start_in_order(cluster: str, clip: Path, tmp_path: Path) -> None:
    sessions = [session_of(clip, tmp_path / f"{n}.mp4", handle(run_on="cluster")) for n in range(8)]
    begun: list[int] = []
    for number, session in enumerate(sessions):
        session.listen(
            lambda event, number=number: (
                begun.append(number) if "Loading the model on" in event.get("stage", "") else None
            )
        )
        session.start()
        until(lambda session=session: "Waiting" in session.stage or session.state != "loading", session)
    most = 0
    while not all(session.wait(0.02) for session in sessions):
        most = max(most, sum(session.state == "running" for session in sessions))
    assert [session.state for session in sessions] == ["done"] * 8
    assert sorted(set(begun)) == list(range(8)) and most <= 2
    assert sorted(range(8), key=begun.index) == list(range(8))
    assert all(session.join(60) for session in sessions)


def test_another_version_is_refused(
    cluster: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "facts", lambda: {**facts(), "version": "9.9.9"})
    session = played(session_of(clip, tmp_path / "refused.mp4", handle(run_on="cluster")))
    assert session.state == "failed" and "this machine 9.9.9" in session.stage
    assert "install the same" in session.stage and not (tmp_path / "refused.mp4").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="a path that only one process has")
def test_weights_that_the_worker_has_not_are_sent(
    cluster: str, cache: Path, clip: Path, here: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = handle(run_on="cluster")
    folder = Path(model.checkpoint)
    shutil.copytree(folder, tmp_path / "model")
    shutil.copytree(folder.with_name("demo-image"), tmp_path / "demo-image")  # the autoencoder that it shares
    monkeypatch.chdir(tmp_path)
    own = replace(model, checkpoint="/proc/self/cwd/model")  # the worker's own folder is another
    assert np.array_equal(here, pictures(played(session_of(clip, tmp_path / "there.mp4", own))))
    received = {file.name for file in (cache / "cluster-weights").iterdir() if file.is_file()}
    sent = [each for name in ("model", "demo-image") for each in weights.listed(str(tmp_path / name), True)]
    assert received == {digest for *_, digest in sent}

"""A cluster whose head goes and comes again, in a file of its own: two of Ray's heads disturb each other."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import pytest
from ray_cluster import handle, pictures, played, ray_cluster, session_of, until
from sample_clips import make_clip
from stream_servers import free_port

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ray's cluster for tests is for Linux")

FRAMES = 96


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=FRAMES, size=(64, 64))


def test_a_head_that_is_gone_ends_the_session_and_a_new_one_is_found(clip: Path, tmp_path: Path) -> None:
    port = free_port()
    with ray_cluster(1, tmp_path, port):
        session = session_of(clip, tmp_path / "gone.mp4", handle(run_on="cluster", on_loss="stop"))
        session.start()
        until(lambda: session.progress.done >= 8, session)
    assert session.wait(120) and session.join(60), session.stage
    assert session.state == "failed" and "was lost" in session.stage and _frames(tmp_path / "gone.mp4") >= 8
    with ray_cluster(1, tmp_path, port):
        again = played(session_of(clip, tmp_path / "again.mp4", handle(run_on="cluster")))
        assert len(pictures(again)) == FRAMES


def _frames(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))

"""Which GPU a session is given. Ray takes a machine's word for how many it has, so none is needed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ray_cluster import handle, ray_cluster, session_of, until
from sample_clips import make_clip

from livestyle.engine.cluster.link import GPUS, share_of
from livestyle.engine.errors import SettingError
from livestyle.engine.runtime.session import StreamSession


def test_small_models_share_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GPUS, raising=False)
    assert share_of(handle(), {"CPU": 4}) == {"num_cpus": 1}
    assert share_of(handle(), {"CPU": 4, "GPU": 2}) == {"num_cpus": 1, "num_gpus": 0.25}
    monkeypatch.setattr("livestyle.engine.cluster.link.SMALL_BYTES", 1)
    assert share_of(handle(), {"CPU": 4, "GPU": 2}) == {"num_cpus": 1, "num_gpus": 1}
    monkeypatch.setenv(GPUS, "0.5")
    assert share_of(handle(), {"CPU": 4, "GPU": 2}) == {"num_cpus": 1, "num_gpus": 0.5}
    for wrong in ("half", "-1", "1.5", "nan"):
        monkeypatch.setenv(GPUS, wrong)
        with pytest.raises(SettingError, match="use a share such as 0.5"):
            share_of(handle(), {"CPU": 4, "GPU": 2})


@pytest.mark.skipif(sys.platform == "win32", reason="Ray's cluster for tests is for Linux")
def test_a_session_has_a_card_and_the_others_wait_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cards and four cores, one card a session."""
    clip = make_clip(tmp_path / "clip.mp4", frames=60 * 24, size=(64, 64))
    monkeypatch.setenv(GPUS, "1")
    with ray_cluster(1, tmp_path, num_cpus=4, num_gpus=2):
        sessions = [session_of(clip, tmp_path / f"{n}.mp4", handle(run_on="cluster")) for n in range(4)]
        for session in sessions[:2]:
            session.start()
            until(lambda session=session: session.progress.done, session)
            session.pause()  # else it might end before the others begin
        for session in sessions[2:]:
            session.start()
            until(lambda session=session: "Waiting" in session.stage, session)
        cards = [_card(session) for session in sessions[:2]]
        assert sorted(cards) == ["0", "1"]
        for ended, next_one in zip(sessions[:2], sessions[2:], strict=True):
            assert not next_one.progress.done
            ended.cancel()
            assert ended.join(60)
            until(lambda session=next_one: session.progress.done, next_one)
            next_one.pause()
            cards.append(_card(next_one))
        assert cards[2:] == cards[:2]
        for session in sessions[2:]:
            session.cancel()
            assert session.join(60)


def _card(session: StreamSession) -> str:
    """What the session's process sees as CUDA_VISIBLE_DEVICES, as its node shows it."""
    return session.telemetry.snapshot()["readouts"]["4"]["worker"].partition(", GPU ")[2]

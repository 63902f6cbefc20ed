"""Sessions over real files: decode, stylise, encode, mux."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, stylise
from sample_clips import make_audio, make_clip

from livestyle.engine.errors import MediaError
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Trim
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0


def clip_node(path: Path, **options: object) -> PlanNode:
    return PlanNode(Read(SourceSpec("file", str(path), **options)), (), "1")


def file_write(parent: PlanNode, path: Path, *, compare: str = "off", **options: object) -> PlanNode:
    return PlanNode(Write(SinkSpec(str(path), codec="libx264", **options), compare), (parent,), "9")


def session_for(plan: PlanNode, behaviour: Behaviour | None = None) -> StreamSession:
    return StreamSession(plan, Zoo({"stub": behaviour or Behaviour(multiple=8)}))


def run(plan: PlanNode) -> StreamSession:
    session = session_for(plan)
    session.start()
    assert session.wait(WAIT) and session.join(WAIT)
    return session


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


def audio_seconds(path: Path) -> float:
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        return float(sum(frame.samples for frame in file.decode(stream)) / stream.rate)


def test_a_clip_comes_out_inverted_with_its_frames_rate_and_sound(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=50, fps=Fraction(25))
    out = tmp_path / "out.mp4"
    session = run(file_write(stylise(clip_node(clip)), out))
    assert session.state == "done", session.error
    assert session.results["9"].path == out and session.results["9"].complete
    source, result = pictures(clip), pictures(out)
    assert result.shape == source.shape == (50, 96, 128, 3)
    assert np.abs(result.astype(int) - (255 - source.astype(int))).mean() < 4
    with av.open(str(out)) as file:
        assert file.streams.video[0].average_rate == 25
    assert audio_seconds(out) == pytest.approx(2.0, abs=0.06)


def test_a_plan_without_a_model_makes_sizes_even(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mkv", frames=10, size=(65, 49), audio=False)
    session = run(file_write(clip_node(clip), tmp_path / "out.mp4"))
    assert session.state == "done", session.error
    assert pictures(tmp_path / "out.mp4").shape == (10, 48, 64, 3)


def test_side_by_side_and_a_trim(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=48)
    node = clip_node(clip, trim=Trim(start=0.5, duration=1.0))
    session = run(file_write(stylise(node), tmp_path / "out.mp4", compare="side_by_side", keep_last=3))
    assert session.state == "done", session.error
    result = pictures(tmp_path / "out.mp4")
    assert result.shape == (24, 96, 256, 3)
    left, right = result[:, :, :128].astype(int), result[:, :, 128:].astype(int)
    assert np.abs(left - pictures(clip)[12:36]).mean() < 4
    assert np.abs(right - (255 - left)).mean() < 6
    assert session.results["9"].tail.shape == (3, 96, 256, 3)


def test_cancel_leaves_a_playable_file(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=200)
    out = tmp_path / "out.mp4"
    session = session_for(
        file_write(stylise(clip_node(clip)), out), Behaviour(multiple=8, delays={"denoise": 0.05})
    )
    session.start()
    while session.progress.done < 80:
        assert not session.wait(0.01), session.error
    session.cancel()
    assert session.wait(0.1)
    assert session.join(WAIT)
    result = session.results["9"]
    assert not result.complete and result.path == out
    # Every frame that was taken is in the file.
    assert len(pictures(out)) == result.frames >= 80


def test_stop_closes_the_file_as_usual(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=200)
    out = tmp_path / "out.mp4"
    session = session_for(
        file_write(stylise(clip_node(clip)), out), Behaviour(multiple=8, delays={"denoise": 0.02})
    )
    session.start()
    while session.progress.done < 20:
        assert not session.wait(0.01), session.error
    session.stop()
    assert session.wait(WAIT) and session.state == "done"
    result = session.results["9"]
    assert result.complete and 20 <= result.frames < 200
    assert len(pictures(out)) == result.frames == session.progress.done


@pytest.mark.parametrize("kind", ["missing", "broken", "audio", "empty"])
def test_bad_sources_are_told_in_one_line(tmp_path: Path, kind: str):
    clip = tmp_path / "in.mp4"
    if kind == "broken":
        clip.write_bytes(b"not a video" * 100)
    elif kind == "audio":
        make_audio(clip)
    elif kind == "empty":
        make_clip(clip, frames=0, audio=False)
    session = run(file_write(stylise(clip_node(clip)), tmp_path / "out.mp4"))
    assert session.state == "failed" and isinstance(session.error, MediaError)
    assert str(session.error).startswith("Read: ") and "\n" not in str(session.error)
    assert "in.mp4" in str(session.error)


def test_a_tiny_source_names_the_widget(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mkv", frames=2, size=(1, 1), audio=False)
    session = run(file_write(stylise(clip_node(clip)), tmp_path / "out.mp4"))
    assert session.state == "failed"
    assert "set width on StreamDenoise 2 to 8 or more" in str(session.error)


def test_a_target_that_exists_is_not_overwritten(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=10)
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    session = run(file_write(stylise(clip_node(clip)), out))
    assert session.state == "failed" and str(session.error).startswith("Write: ")
    assert out.read_bytes() == b"precious"

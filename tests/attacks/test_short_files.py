"""Files that are short of something: the node says what and why, and ``complete`` is false."""

from __future__ import annotations

import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from sample_clips import make_clip

from livestyle.engine.errors import MediaError
from livestyle.engine.media.recording import RecordingSink, RecordSwitch, StreamFormat
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Frames, SinkResult, Trim
from livestyle.engine.media.wholeness import promised_bytes
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession

SIZE = (160, 120)
FRAMES = 96
FPS = Fraction(24)


def _clip(path: Path) -> Path:
    """A faststart clip of noise, in the container of its suffix."""
    noise = np.random.default_rng(0)
    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as file:
        stream = file.add_stream("libx264", rate=24, options={"g": "12"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(FRAMES):
            pixels = noise.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def _session(source: Path, target: Path, duration: float = 0.0) -> StreamSession:
    read = PlanNode(Read(SourceSpec("file", str(source), trim=Trim(duration=duration))), node_id="1")
    write = Write(SinkSpec(str(target)), preview=False)
    return SessionRegistry().open(PlanNode(write, (read,), "2"), lambda handle: pytest.fail("no model"))


def _run(session: StreamSession, meanwhile: Callable[[], None] = lambda: None) -> SinkResult:
    session.start()
    meanwhile()
    assert session.wait(120) and session.join(60)
    return session.results["2"]


def _frames(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def _cut(path: Path, share: float = 0.5) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
def test_a_whole_file_is_complete(suffix: str, tmp_path: Path) -> None:
    source = _clip(tmp_path / f"clip{suffix if suffix != '.webm' else '.mkv'}")
    assert promised_bytes(source) <= source.stat().st_size
    session = _session(source, tmp_path / "out.mp4")
    result = _run(session)
    assert result.complete and result.frames == FRAMES and not session.notes


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi"])
def test_a_source_that_was_cut_before_the_run(suffix: str, tmp_path: Path) -> None:
    source = _clip(tmp_path / f"clip{suffix}")
    _cut(source)
    session = _session(source, tmp_path / "out.mp4")
    result = _run(session)
    assert session.error is None and not result.complete and 0 < result.frames < FRAMES
    (note,) = session.notes
    assert source.name in note and "cut off" in note and "copy or download it again" in note


def test_what_is_missing_behind_the_trim_does_not_matter(tmp_path: Path) -> None:
    source = _clip(tmp_path / "clip.mp4")
    _cut(source)
    assert _run(_session(source, tmp_path / "out.mp4", 0.5)).complete


def _truncate(path: Path) -> None:
    _cut(path, 0.3)


def _overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(bytes(size // 2))


@pytest.mark.parametrize("harm", [_truncate, _overwrite])
@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_a_source_that_is_harmed_while_it_is_read(
    suffix: str, harm: Callable[[Path], None], tmp_path: Path
) -> None:
    source = _clip(tmp_path / f"clip{suffix}")
    opened = SourceSpec("file", str(source)).open()
    assert opened.read(8) is not None
    time.sleep(0.02)  # clocks of file systems are coarse
    harm(source)
    while opened.read(8) is not None:
        pass
    ending, status = opened.ending(), opened.status()
    opened.close()
    assert ending is not None and not ending.complete
    assert status is not None and "while it was read" in status.note
    assert opened.status() == status


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: shutil.copy(path, path.with_suffix(".old"))])
def test_a_source_that_is_deleted_or_copied_meanwhile_is_whole(
    harm: Callable[[Path], object], tmp_path: Path
) -> None:
    source = _clip(tmp_path / "clip.mp4")
    opened = SourceSpec("file", str(source)).open()
    harm(source)
    while opened.read(32) is not None:
        pass
    ending = opened.ending()
    opened.close()
    assert ending is not None and ending.complete


@contextmanager
def _disk_of(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def noise() -> Frames:
    pixels = np.random.default_rng(0).integers(0, 255, (FRAMES, SIZE[1], SIZE[0], 3), np.uint8)
    return Frames(pixels, 0, tuple(Fraction(number) / FPS for number in range(FRAMES)))


def _write(path: Path, frames: Frames, disk: int | None) -> tuple[MediaError | None, SinkResult]:
    """What closing a file on a disk of this size raises, and what is left."""
    switch = RecordSwitch(True)
    sink = RecordingSink(SinkSpec(str(path)), StreamFormat(*SIZE, FPS, None), switch, lambda taken: None)
    with _disk_of(disk or 1 << 40):
        try:
            sink.write(frames)
            return None, sink.close()
        except MediaError as error:
            return error, sink.abort()


@pytest.mark.skipif(sys.platform == "win32", reason="the limit is one of POSIX")
def test_a_disk_that_is_full_at_any_moment_is_a_failure(noise: Frames, tmp_path: Path) -> None:
    error, whole = _write(tmp_path / "whole.mp4", noise, None)
    assert error is None and whole.complete and whole.path is not None
    size = whole.path.stat().st_size
    left = []
    for number, share in enumerate((0.05, 0.4, 0.9, 0.97, 0.99)):
        error, result = _write(tmp_path / f"{number}.mp4", noise, int(size * share))
        assert error is not None and "disk is full" in str(error) and "\n" not in str(error)
        assert not result.complete
        if result.path is not None:
            assert _frames(result.path) == result.frames
        left.append(result.frames)
    assert left == sorted(left) and left[-1] > 0


def test_an_output_folder_that_is_deleted_in_mid_run(noise: Frames, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    sink = SinkSpec(str(folder / "a.mp4")).open(*SIZE, FPS, None)
    sink.write(noise)
    shutil.rmtree(folder)
    with pytest.raises(MediaError, match="was deleted while it was written"):
        sink.close()
    assert sink.abort() == SinkResult(None, 0, None, False)


def test_the_session_fails_where_its_folder_is_deleted(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", frames=400, audio=False)
    session = _session(source, tmp_path / "out" / "a.mp4")

    def delete() -> None:
        while not session.progress.done and not session.wait(0.005):
            pass
        shutil.rmtree(tmp_path / "out")

    result = _run(session, delete)
    assert session.error is not None and "deleted" in str(session.error) and session.state == "failed"
    assert result.path is None and not result.complete


def test_a_take_that_can_not_be_finished_fails_the_stream(noise: Frames, tmp_path: Path) -> None:
    taken: list[SinkResult] = []
    switch = RecordSwitch(True)
    spec = SinkSpec(str(tmp_path / "out" / "a.mp4"))
    sink = RecordingSink(spec, StreamFormat(*SIZE, FPS, None), switch, taken.append)
    sink.write(noise)
    shutil.rmtree(tmp_path / "out")
    switch.set(False)
    sink.write(noise)
    with pytest.raises(MediaError, match="deleted"):
        sink.close()
    assert [take.complete for take in taken] == [False]

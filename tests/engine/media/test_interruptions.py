"""What is left after a killed process and after a full disk."""

from __future__ import annotations

import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_clips import beeping, decode, ffprobe, make_clip

from livestyle.engine.errors import MediaError
from livestyle.engine.media.fragments import drop_partial_fragment
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.types import Frames

PACK = Path(__file__).resolve().parents[3] / "scripts" / "pack.py"

WRITER = """
import importlib.util, os, resource, signal, sys
spec = importlib.util.spec_from_file_location("pack", {pack!r})
pack = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pack)
pack.load_pack()
import numpy as np
from fractions import Fraction
from livestyle.engine.errors import MediaError
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import Frames
limit = {limit}
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
audio = SourceSpec("file", {clip!r}).open().audio
sink = SinkSpec({path!r}, metadata=(("workflow", "{{}}"),)).open(160, 120, Fraction(24), audio)
noise = np.random.default_rng(0).integers(0, 255, (160, 200, 3), np.uint8)
try:
    for index in range(240):
        at = index % 40
        picture = np.ascontiguousarray(noise[None, at : at + 120, at : at + 160])
        sink.write(Frames(picture, index, (Fraction(index, 24),)))
except MediaError as error:
    result = sink.abort()
    print(result.frames, result.complete, error)
    sys.exit()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=240, sound=beeping(10, [Fraction(1)]))


def run_writer(clip: Path, path: Path, limit: int) -> subprocess.CompletedProcess[str]:
    script = WRITER.format(pack=str(PACK), clip=str(clip), path=str(path), limit=limit)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_process_leaves_a_playable_file(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "killed.mp4"
    done = run_writer(clip, path, limit=0)
    assert done.returncode == -9, done.stderr
    assert len(decode(path)[0]) >= 240 - 48
    streams = ffprobe(path, "-show_streams")["streams"]
    assert [stream["codec_name"] for stream in streams] == ["h264", "aac"]
    with av.open(str(path)) as container:
        assert container.metadata["workflow"] == "{}"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_is_one_line_and_keeps_what_plays(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "full.mp4"
    done = run_writer(clip, path, limit=600_000)
    assert done.returncode == 0, done.stderr
    frames, complete, message = done.stdout.strip().split(" ", 2)
    assert "\n" not in message and "disk is full" in message and str(path) in message and "kept" in message
    assert complete == "False"
    ffprobe(path, "-show_packets")  # Fails where ffprobe finds a partial packet.
    assert len(decode(path)[0]) == int(frames) >= 24


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_disk_that_is_full_at_once_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "full.mp4"
    done = run_writer(clip, path, limit=500)
    assert done.stdout.startswith("0 False"), done.stdout + done.stderr
    assert not path.exists()


def test_a_real_full_file_system(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("no mount command")
    if mounted.returncode:
        pytest.skip("this user can't mount a small file system")
    try:
        sink = SinkSpec(str(disk / "out.mp4")).open(320, 240, Fraction(24), None)
        rng = np.random.default_rng(0)
        with pytest.raises(MediaError, match="disk is full"):
            for index in range(240):
                picture = rng.integers(0, 255, (1, 240, 320, 3), np.uint8)
                sink.write(Frames(picture, index, (Fraction(index, 24),)))
        result = sink.close()
        assert not result.complete
        if result.path:
            assert len(decode(result.path)[0]) == result.frames
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_an_abort_takes_less_than_two_seconds(tmp_path: Path) -> None:
    sink = SinkSpec(str(tmp_path / "a.mp4")).open(640, 360, Fraction(24), None)
    picture = np.random.default_rng(0).integers(0, 255, (1, 360, 640, 3), np.uint8)
    for index in range(60):
        sink.write(Frames(picture, index, (Fraction(index, 24),)))
    begin = time.monotonic()
    result = sink.abort()
    assert time.monotonic() - begin < 2  # The limit that Cancel promises.
    assert len(decode(result.path)[0]) == result.frames == 60


def test_any_cut_of_a_fragmented_file_is_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.mp4"
    sink = SinkSpec(str(path)).open(96, 64, Fraction(24), None)
    picture = np.random.default_rng(0).integers(0, 255, (24, 64, 96, 3), np.uint8)
    for second in range(4):
        times = tuple(Fraction(second * 24 + index, 24) for index in range(24))
        sink.write(Frames(picture, second * 24, times))
    sink.abort()
    data = path.read_bytes()
    counts = []
    for part in range(20):
        path.write_bytes(data[: len(data) * part // 20])
        left = drop_partial_fragment(path)
        assert left == (len(decode(path)[0]) if left else 0)
        counts.append(left)
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] >= 48

"""A closed source that is still referenced holds nothing: its threads and its memory are back."""

from __future__ import annotations

import ctypes
import gc
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from sample_clips import make_clip

from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import FrameSource
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession

SOURCES = 10
SIZE = (1280, 720)
PICTURE = SIZE[0] * SIZE[1] * 3
LEAST = SOURCES * PICTURE
"""Bytes by which ten sources grow the process if each holds one picture."""
ROUNDS = 3
"""What is held grows in each round; what other threads of the process take meanwhile, in one."""

THREADS = 2
"""The process has some of its own that come and go."""


def _settled() -> tuple[int, int]:
    """(threads, resident bytes) of this process, once what was let go of is gone."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    process = psutil.Process()
    return process.num_threads(), process.memory_info().rss


def _file(folder: Path) -> SourceSpec:
    return SourceSpec("file", str(make_clip(folder / "clip.mp4", frames=12, size=SIZE, audio=True)))


def _memory(folder: Path) -> SourceSpec:
    clip = make_clip(folder / "clip.mp4", frames=12, size=SIZE, audio=True)
    return SourceSpec("file", payload=clip.read_bytes() + bytes(30_000_000))


def _batch(folder: Path) -> SourceSpec:
    return SourceSpec("images", payload=np.zeros((12, SIZE[1], SIZE[0], 3), np.float32))


def _folder(folder: Path) -> SourceSpec:
    picture = av.VideoFrame.from_ndarray(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), format="rgb24")
    for number in range(12):
        picture.to_image().save(folder / f"{number}.png")
    return SourceSpec("sequence", str(folder))


def _whole(source: FrameSource) -> None:
    while source.read(4) is not None:
        pass


def _part(source: FrameSource) -> None:
    source.read(4)


def _nothing(source: FrameSource) -> None:
    pass


@pytest.mark.parametrize("read", [_whole, _part, _nothing])
@pytest.mark.parametrize("make", [_file, _memory, _batch, _folder])
def test_ten_sources(
    make: Callable[[Path], SourceSpec], read: Callable[[FrameSource], None], tmp_path: Path
) -> None:
    spec = make(tmp_path)
    closed = [_read_and_closed(spec, read)]  # what libraries load once
    growth: list[int] = []
    while len(growth) < ROUNDS and min(growth, default=LEAST) >= LEAST:
        threads, memory = _settled()
        closed += [_read_and_closed(spec, read) for _ in range(SOURCES)]
        deadline = time.monotonic() + 20
        while (now := _settled())[0] > threads + THREADS and time.monotonic() < deadline:
            time.sleep(0.2)
        assert now[0] <= threads + THREADS
        growth.append(now[1] - memory)
    assert min(growth) < LEAST
    assert len(closed) == SOURCES * len(growth) + 1


def _read_and_closed(spec: SourceSpec, read: Callable[[FrameSource], None]) -> FrameSource:
    source = spec.open()
    read(source)
    source.close()
    source.close()
    return source


@pytest.mark.parametrize("cancelled", [False, True])
def test_the_registry_remembers_results_and_no_plan(tmp_path: Path, cancelled: bool) -> None:
    registry = SessionRegistry()
    pictures = np.zeros((40, SIZE[1], SIZE[0], 3), np.float32)
    held = weakref.ref(pictures)
    session = _run(registry, pictures, tmp_path / "a.mp4", cancelled)
    del pictures
    gc.collect()
    assert held() is None
    assert registry.get(session.id) is session
    result = session.take_result("2")
    if not cancelled:
        assert result.tail is not None and len(result.tail) == 8
    assert result.frames == (40 if not cancelled else result.frames)
    assert session.results["2"].tail is None and session.results["2"].frames == result.frames


def _run(registry: SessionRegistry, pictures: np.ndarray, path: Path, cancelled: bool) -> StreamSession:
    read = PlanNode(Read(SourceSpec("images", payload=pictures)), node_id="1")
    plan = PlanNode(Write(SinkSpec(str(path), keep_last=8), preview=False), (read,), "2")
    session = registry.open(plan, lambda handle: pytest.fail("no model is asked for"))
    session.start()
    if cancelled:
        while not session.progress.done and not session.wait(0.01):
            pass
        session.cancel()
    assert session.wait(60) and session.join(60)
    return session

"""Memory stays flat over a long stream."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from runtime_stubs import Behaviour, Zoo, read, stylise, write

from livestyle.engine.errors import SettingError
from livestyle.engine.runtime.memory import Trimmer, check_room
from livestyle.engine.runtime.session import StreamSession

FRAMES = 1200
SIZE = (512, 512)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_long_stream_does_not_grow_the_process():
    plan = write(stylise(read(FRAMES, size=SIZE)), forget=True)
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    session.start()
    sizes: list[tuple[int, float]] = []
    while not session.wait(0.05):
        sizes.append((session.progress.done, resident_mb()))
    assert session.state == "done" and session.progress.done == FRAMES
    settled = max(size for done, size in sizes if done < FRAMES // 2)
    at_the_end = max(size for done, size in sizes if done >= FRAMES // 2)
    # The frames of the second half alone are 450 MB.
    assert at_the_end - settled < 150


def test_heaps_are_trimmed_now_and_then():
    calls: list[int] = []
    clock = [100.0]
    trimmer = Trimmer(calls.append, lambda: clock[0])
    for _ in range(50):
        trimmer.tick()
        clock[0] += 0.1
    assert calls == [0, 0]


def test_what_does_not_fit_into_memory_is_told_before_it_is_loaded() -> None:
    check_room("small", 1)
    with pytest.raises(SettingError, match=r"^large needs 1152921504\.6 GB of memory, and [0-9.]+ GB are f"):
        check_room("large", 1 << 60)

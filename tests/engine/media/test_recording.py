"""Recording on and off while a stream goes on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from livestyle.engine.media.recording import RecordingSink, RecordSwitch, StreamFormat
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.types import Frames, SinkResult

FPS = Fraction(25)


def frames(first: int, count: int) -> Frames:
    pixels = np.full((count, 48, 64, 3), first % 255, np.uint8)
    return Frames(pixels, first, tuple((first + n) / FPS for n in range(count)))


def times(file: Path) -> list[Fraction]:
    with av.open(str(file)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def sink_for(path: Path, switch: RecordSwitch, taken: list[SinkResult]) -> RecordingSink:
    return RecordingSink(SinkSpec(str(path)), StreamFormat(64, 48, FPS, None), switch, taken.append)


def test_each_stretch_is_a_file_that_begins_at_zero(tmp_path: Path) -> None:
    switch, taken = RecordSwitch(True), []
    sink = sink_for(tmp_path / "a.mp4", switch, taken)
    sink.write(frames(0, 5))
    assert sink.status().state == "recording" and sink.status().file == "a.mp4"
    switch.set(False)
    sink.write(frames(5, 5))
    assert sink.status().state == "off"
    switch.set(True)
    sink.write(frames(10, 5))
    result = sink.close()
    assert result.path == tmp_path / "a_take2.mp4" and result.frames == 5
    assert [take.path for take in taken] == [tmp_path / "a.mp4"]
    for name in ("a.mp4", "a_take2.mp4"):
        assert times(tmp_path / name) == [n / FPS for n in range(5)]


def test_off_from_the_start_leaves_nothing_until_it_is_on(tmp_path: Path) -> None:
    switch = RecordSwitch(False)
    sink = sink_for(tmp_path / "a.mp4", switch, [])
    sink.write(frames(0, 5))
    assert list(tmp_path.iterdir()) == []
    assert sink.close().path is None


def test_what_was_recorded_before_it_was_switched_off_is_the_result(tmp_path: Path) -> None:
    switch, taken = RecordSwitch(True), []
    sink = sink_for(tmp_path / "a.mp4", switch, taken)
    sink.write(frames(0, 5))
    switch.set(False)
    sink.write(frames(5, 5))
    result = sink.abort()
    assert result.path == tmp_path / "a.mp4" and result.frames == 5 and len(taken) == 1


def test_a_process_that_is_killed_leaves_a_file_that_plays(tmp_path: Path) -> None:
    """What is on the disk before anything is closed."""
    switch = RecordSwitch(False)
    sink = sink_for(tmp_path / "a.mp4", switch, [])
    sink.write(frames(0, 5))
    switch.set(True)
    for first in range(5, 105, 5):
        sink.write(frames(first, 5))
    copy = tmp_path / "copy.mp4"
    copy.write_bytes((tmp_path / "a.mp4").read_bytes())
    assert len(times(copy)) >= 25
    sink.close()

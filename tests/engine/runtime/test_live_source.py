"""A live source in a session: pushed pictures, the meter, Stop, and what is said while nothing comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from runtime_stubs import Behaviour, InvertModel, MemorySink, MemorySpec, Zoo, stylise

from livestyle.engine.families import StreamRequest
from livestyle.engine.families.base import Runner
from livestyle.engine.media.live.frame_inbox import FrameInbox
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.media.types import AudioTrack, Frames, FrameSink, Trim
from livestyle.engine.runtime.plan import PlanNode, Read, Write
from livestyle.engine.runtime.session import StreamSession

HEIGHT, WIDTH = 32, 48
NEVER = 60.0


class Stopwatch(MemorySink):
    """Reads the time code in each picture when it is written."""

    seen: list[tuple[int, float]]

    def __init__(self, spec: MemorySpec) -> None:
        super().__init__(spec)
        self.seen = []

    def write(self, frames: Frames) -> None:
        super().write(frames)
        now = time.monotonic()
        self.seen += [(int(picture[0, 0, 0]), now) for picture in frames.pixels]


@dataclass(frozen=True)
class StopwatchSpec(MemorySpec):
    """Opens stopwatches."""

    def open(self, width: int, height: int, fps: Fraction, audio: AudioTrack | None) -> FrameSink:
        sink = Stopwatch(self)
        self.opened.append(sink)
        return sink


class Camera:
    """Pushes pictures whose red value counts, as a page does: only with credit."""

    def __init__(self, inbox: FrameInbox, fps: float) -> None:
        self.inbox, self.fps = inbox, fps
        self.sent: dict[int, float] = {}
        self.credit = threading.Semaphore(0)
        self.off = threading.Event()
        inbox.listen(lambda count: [self.credit.release() for _ in range(count)])
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        number = 0
        while not self.off.wait(1 / self.fps):
            if self.credit.acquire(blocking=False):
                number += 1
                captured_at = time.monotonic()
                self.sent[number % 250] = captured_at
                self.inbox.push(np.full((HEIGHT, WIDTH, 3), number % 250, np.uint8), captured_at=captured_at)


def session_of(inbox: FrameInbox, behaviour: Behaviour, **spec: Any) -> tuple[StreamSession, StopwatchSpec]:
    source = LiveSpec("pushed", "The page", inbox=inbox, **spec)
    sink = StopwatchSpec("memory")
    plan = PlanNode(Write(sink), (stylise(PlanNode(Read(source), (), "1")),), "9")
    return StreamSession(plan, Zoo({"stub": behaviour})), sink


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + NEVER
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def playing(session: StreamSession, sink: StopwatchSpec, frames: int) -> None:
    until(lambda: session.wait(0) or (sink.opened and sink.sink.frames >= frames))
    assert sink.sink.frames >= frames, session.error


def test_the_meter_agrees_with_a_time_code_in_the_picture() -> None:
    inbox = FrameInbox("camera")
    session, sink = session_of(inbox, Behaviour(first=2, chunk_frames=2, delays={"denoise": 0.03}))
    assert session.inboxes == {"1": inbox}
    session.start()
    camera = Camera(inbox, fps=40)
    playing(session, sink, 60)
    session.stop()
    camera.off.set()
    assert session.wait(NEVER) and session.state == "done"
    # The stub inverts: 255 minus the number that was sent.
    by_code = [now - camera.sent[255 - code] for code, now in sink.sink.seen if 255 - code in camera.sent]
    p50 = np.median(by_code) * 1000
    assert abs(session.telemetry.snapshot()["latency_ms"]["p50"] - p50) < 10


def test_a_runner_knows_that_its_source_cannot_wait() -> None:
    inbox, behaviour = FrameInbox("camera"), Behaviour(first=1, chunk_frames=1)
    session, sink = session_of(inbox, behaviour)
    session.start()
    camera = Camera(inbox, fps=60)
    playing(session, sink, 1)
    session.stop()
    camera.off.set()
    assert session.wait(NEVER)
    assert [settings.live for settings in behaviour.settings] == [True]


def test_a_fast_source_is_thinned_and_its_latency_bounded() -> None:
    inbox = FrameInbox("camera")
    session, sink = session_of(
        inbox, Behaviour(first=2, chunk_frames=2, delays={"denoise": 0.08}), clock="latest"
    )
    session.start()
    camera = Camera(inbox, fps=120)
    playing(session, sink, 40)
    early = session.telemetry.snapshot()
    playing(session, sink, 80)
    until(lambda: session.telemetry.snapshot()["sources"]["1"]["fps"] > 20)
    late = session.telemetry.snapshot()
    session.stop()
    camera.off.set()
    assert session.wait(NEVER)
    assert late["source_drops"] > early["source_drops"] > 0
    # A queue that grows delays every frame, a machine that stands still for a moment the few on their way.
    assert late["latency_ms"]["p50"] < early["latency_ms"]["p50"] + 250
    assert late["sources"]["1"]["fps"] > 20


def test_a_silent_page_is_held_restyled_and_named() -> None:
    inbox = FrameInbox("camera")
    behaviour = Behaviour(first=1, chunk_frames=1)
    session, sink = session_of(inbox, behaviour)
    session.start()
    camera = Camera(inbox, fps=30)
    playing(session, sink, 5)
    camera.off.set()
    inbox.pause("the camera is muted")
    until(lambda: session.notes)
    assert "the camera is muted" in session.notes[0]
    before = sink.sink.frames
    playing(session, sink, before + 5)  # live controls keep acting on the held picture
    assert session.telemetry.snapshot()["sources"]["1"]["held"] > 0
    session.stop()
    assert session.wait(NEVER) and session.state == "done"
    assert session.telemetry.snapshot()["sources"]["1"]["state"] == "ended" and not session.notes


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_the_wait_for_a_page_can_be_ended(end: str) -> None:
    session, _ = session_of(FrameInbox("camera"), Behaviour())
    session.start()
    until(lambda: session.inboxes["1"].wanted)
    began = time.monotonic()
    getattr(session, end)()
    assert session.wait(NEVER) and session.join(NEVER)
    assert time.monotonic() - began < 5
    assert not session.inboxes["1"].wanted


def test_duration_ends_a_live_source() -> None:
    inbox = FrameInbox("camera")
    session, sink = session_of(inbox, Behaviour(first=1, chunk_frames=1), trim=Trim(duration=0.5))
    session.start()
    camera = Camera(inbox, fps=30)
    assert session.wait(NEVER) and session.state == "done"
    camera.off.set()
    assert 1 <= sink.sink.frames and max(sink.sink.pts) <= 0.5


class Remembering(InvertModel):
    """Its runners tell what they remember, so that a chunk can be made again."""

    def runner(self, request: StreamRequest) -> Runner:
        made = super().runner(request)
        made.state = []
        return made


@pytest.mark.parametrize("model", [InvertModel, Remembering])
def test_a_camera_goes_on_with_its_newest_picture_after_a_pause(model: type[InvertModel]) -> None:
    inbox, sink = FrameInbox("camera"), StopwatchSpec("memory")
    source = PlanNode(Read(LiveSpec("pushed", "The page", inbox=inbox)), (), "1")
    plan = PlanNode(Write(sink), (stylise(source),), "9")
    session = StreamSession(plan, lambda handle: model(Behaviour(first=2, chunk_frames=2)))
    session.start()
    camera = Camera(inbox, fps=40)
    playing(session, sink, 8)
    session.pause()
    still = -1
    deadline = time.monotonic() + NEVER
    while sink.sink.frames != still:  # what was under way is still written
        assert time.monotonic() < deadline
        still = sink.sink.frames
        time.sleep(1.0)
    gone_on = time.monotonic()
    session.pause(False)
    playing(session, sink, still + 12)
    camera.off.set()
    session.stop()
    assert session.wait(NEVER) and session.state == "done"
    # What was seen, and what was read when it stood still, is two chunks each at most.
    captured = [camera.sent[255 - red] for red, _ in sink.sink.seen[still:]]
    assert captured == sorted(captured) and min(captured[8:]) > gone_on

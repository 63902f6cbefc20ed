"""Pause: nothing is written; a chunk is made again with every change, and the stream has what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from runtime_stubs import Behaviour, InvertModel, InvertRunner, Zoo, picture, read, spec_of, stylise, write

from livestyle.engine.families import StreamRequest
from livestyle.engine.families.base import ModelHandle, Runner
from livestyle.engine.runtime.plan import PlanNode
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0
STRENGTH = "2.strength"


class Counting(InvertRunner):
    """Its blue channel counts the chunks that it has made; the count lies in a tensor that is written on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.state = torch.zeros(1, dtype=torch.uint8)

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        chunk, pixels = super().denoise(encoded, late)
        self.state += 1
        pixels[..., 2] = self.state
        return chunk, pixels


class CountingModel(InvertModel):
    def runner(self, request: StreamRequest) -> Runner:
        node, recipe = request.node_id, request.conditioning.node_id
        return Counting(self.behaviour, node, recipe, request.width, request.height)


def counting(handle: ModelHandle) -> InvertModel:
    return CountingModel(Behaviour())


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def expected(length: int, strength: Callable[[int], float] = lambda frame: 1.0) -> np.ndarray:
    """What ``Counting`` makes of so many frames in chunks of four."""
    made = []
    for frame in range(length):
        pixels = ((255 - picture(frame, 6, 8)) * strength(frame)).astype(np.uint8)
        pixels[..., 2] = frame // 4 + 1
        made.append(pixels)
    return np.stack(made)


def seen(session: StreamSession, frame: int, strength: float) -> bool:
    """Whether this frame is shown, made at this strength."""
    latest = session.preview.latest()
    wanted = expected(frame + 1, lambda _: strength)[-1]
    return latest is not None and latest.index == frame and np.array_equal(latest.pixels[0], wanted)


def paused(plan: PlanNode, loader: Any = counting) -> StreamSession:
    session = StreamSession(plan, loader)
    session.pause()
    session.start()
    return session


def ended(session: StreamSession) -> None:
    assert session.wait(WAIT) and session.state == "done", session.error


def test_the_frame_is_seen_again_with_every_change_and_kept_as_it_was_last() -> None:
    session = paused(plan := write(stylise(read(16))))
    until(lambda: seen(session, 3, 1.0))
    for strength in (0.5, 0.25):
        session.store.set(STRENGTH, strength)
        until(lambda strength=strength: seen(session, 3, strength))
    assert spec_of(plan).sink.frames == 0 and not session.store.taken.changes
    session.step()
    until(lambda: seen(session, 7, 0.25))
    until(lambda: spec_of(plan).sink.frames == 4)
    session.store.set(STRENGTH, 0.75)
    until(lambda: seen(session, 7, 0.75))
    assert session.paused and session.stage == "Paused"
    session.pause(False)
    ended(session)
    sink = spec_of(plan).sink
    assert np.array_equal(sink.pixels, expected(16, lambda frame: 0.25 if frame < 4 else 0.75))
    lane = session.store.taken.lanes[STRENGTH]
    assert (lane.frames, lane.values) == ([0, 4], [0.25, 0.75])


def test_pauses_change_nothing_else() -> None:
    session = paused(plan := write(stylise(read(40))))
    for _ in range(3):
        session.step()
    for on in (False, True, False, True, False):
        session.pause(on)
        time.sleep(0.02)
    ended(session)
    sink = spec_of(plan).sink
    assert np.array_equal(sink.pixels, expected(40))
    assert sink.pts == sorted(set(sink.pts))


def test_a_step_while_it_plays_stands_still_and_the_end_comes_by_steps() -> None:
    session = StreamSession(plan := write(stylise(read(10))), counting)
    session.step()
    session.start()
    for written in (0, 4, 8):
        until(lambda written=written: spec_of(plan).opened and spec_of(plan).sink.frames == written)
        until(lambda written=written: seen(session, min(written + 3, 9), 1.0))
        session.step()
    ended(session)
    assert np.array_equal(spec_of(plan).sink.pixels, expected(10))


@pytest.mark.parametrize("end", ["stop", "cancel"])
def test_stop_and_cancel_need_no_one_to_go_on_first(end: str) -> None:
    session = paused(plan := write(stylise(read(1 << 20))))
    until(lambda: seen(session, 3, 1.0))
    getattr(session, end)()
    assert session.wait(WAIT) and session.join(WAIT)
    assert session.state == {"stop": "done", "cancel": "cancelled"}[end]
    session.pause()
    assert session.paused == (end == "cancel")
    assert spec_of(plan).sink.ended == {"stop": "closed", "cancel": "aborted"}[end]


@pytest.mark.parametrize("made", ["by a model that tells nothing", "by two models", "without a model"])
def test_where_no_chunk_is_made_again_steps_go_on(made: str) -> None:
    source = read(16)
    plans = {
        "by a model that tells nothing": stylise(source),
        "by two models": stylise(stylise(source, "2"), "3"),
        "without a model": source,
    }
    loader = Zoo({"stub": Behaviour()}) if made.endswith("nothing") else counting
    session = paused(plan := write(plans[made]), loader)
    until(lambda: spec_of(plan).opened)
    time.sleep(0.1)
    assert spec_of(plan).sink.frames == 0
    session.step()
    until(lambda: spec_of(plan).sink.frames > 0)
    after = spec_of(plan).sink.frames
    time.sleep(0.1)
    assert spec_of(plan).sink.frames == after < 16
    session.pause(False)
    ended(session)
    assert spec_of(plan).sink.frames == 16

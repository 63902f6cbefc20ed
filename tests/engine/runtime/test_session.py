"""Sessions from start to end: frames in, frames out, branches, sizes, progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_stubs import FPS, Behaviour, Zoo, picture, read, spec_of, stylise, write

from livestyle.engine.errors import SettingError
from livestyle.engine.runtime.plan import PlanNode
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0


def run(plan: PlanNode, **behaviours: Behaviour) -> StreamSession:
    """Run a plan to its end, which must be a good one."""
    session = StreamSession(plan, Zoo(behaviours or {"stub": Behaviour()}))
    session.start()
    assert session.wait(WAIT)
    assert session.join(WAIT)
    assert session.state == "done", session.error
    return session


def numbered(length: int, height: int = 6, width: int = 8) -> np.ndarray:
    """What the stub source gives."""
    return np.stack([picture(number, height, width) for number in range(length)])


def written(node: PlanNode) -> np.ndarray:
    return spec_of(node).sink.pixels


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 30), first=st.integers(1, 9), chunk_frames=st.integers(1, 9), known=st.booleans()
)
def test_frames_in_are_frames_out(length: int, first: int, chunk_frames: int, known: bool):
    plan = write(stylise(read(length, unknown_length=not known)))
    session = run(plan, stub=Behaviour(first, chunk_frames))
    sink = spec_of(plan).sink
    assert np.array_equal(sink.pixels, 255 - numbered(length))
    assert sink.pts == [Fraction(number) / FPS for number in range(length)]
    assert [block.index for block in sink.blocks] == sorted({block.index for block in sink.blocks})
    assert sink.ended == "closed" and session.results["9"].frames == length
    assert session.progress.done == length


@settings(max_examples=30, deadline=None)
@given(
    length=st.integers(1, 30),
    left=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    right=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_branches_with_other_chunk_sizes_stay_in_step(length, left, right):
    source = read(length)
    plan = write(stylise(source, "2", "a"), compare="side_by_side", other=stylise(source, "3", "b"))
    run(plan, a=Behaviour(*left), b=Behaviour(*right))
    assert len(spec_of(source).opened) == 1
    assert np.array_equal(written(plan), np.concatenate([255 - numbered(length)] * 2, axis=2))


@pytest.mark.parametrize(("length", "fps"), [(1, 24), (17, 24)])
def test_a_plan_without_a_model_copies(length, fps):
    plan = write(read(length, size=(9, 7)))
    session = run(plan)
    assert np.array_equal(written(plan), numbered(length, 6, 8))
    assert spec_of(plan).format == [(8, 6, Fraction(fps))]
    assert session.telemetry.snapshot()["busy_s"] == {}


def test_what_a_runner_shows_of_itself_is_told_by_node_and_stays():
    behaviour = Behaviour(readout={"window": "8"})
    session = run(write(stylise(stylise(read(), "2"), "3", "quiet")), stub=behaviour, quiet=Behaviour())
    behaviour.readout["window"] = "4"
    assert session.telemetry.snapshot()["readouts"] == {"2": {"window": "8"}}
    assert [settings.live for settings in behaviour.settings] == [False]


def test_one_model_for_equal_handles():
    source = read()
    plan = write(stylise(source, "2"), compare="wipe", other=stylise(source, "3", steps=2))
    zoo = Zoo({"stub": Behaviour()})
    session = StreamSession(plan, zoo)
    session.start()
    assert session.wait(WAIT) and session.state == "done"
    assert zoo.loads == ["stub"]


def test_equal_read_nodes_open_their_source_once():
    one, other = read(), read()
    run(write(stylise(one), compare="wipe", other=other))
    assert len(spec_of(one).opened) + len(spec_of(other).opened) == 1


def test_compare_shows_the_source_left_and_the_result_right():
    plan = write(stylise(read(10)), compare="side_by_side")
    run(plan, stub=Behaviour(1, 4))
    assert np.array_equal(written(plan), np.concatenate([numbered(10), 255 - numbered(10)], axis=2))
    assert spec_of(plan).format == [(16, 6, FPS)]


def test_wipe_halves_the_picture():
    plan = write(stylise(read(6)), compare="wipe")
    run(plan)
    pixels = written(plan)
    assert np.array_equal(pixels[:, :, :3], numbered(6)[:, :, :3])
    assert (pixels[:, :, 3:5] == 255).all()
    assert np.array_equal(pixels[:, :, 5:], 255 - numbered(6)[:, :, 5:])


def test_a_stream_stylised_twice_still_knows_its_source():
    plan = write(stylise(stylise(read(11), "2", "a"), "3", "b"), compare="side_by_side")
    run(plan, a=Behaviour(1, 4), b=Behaviour(3, 5))
    assert np.array_equal(written(plan), np.concatenate([numbered(11)] * 2, axis=2))


def test_a_chain_of_writes_passes_the_stream_on():
    inner = write(stylise(read(9)), "8", compare="side_by_side")
    plan = write(inner, "9")
    session = run(plan)
    assert np.array_equal(written(plan), 255 - numbered(9))
    assert written(inner).shape[2] == 16
    assert set(session.results) == {"8", "9"}
    assert spec_of(plan).format == [(8, 6, FPS)]


@pytest.mark.parametrize("other_length", [4, 9, 40])
def test_another_clip_to_compare_with_may_be_shorter_or_longer(other_length):
    other = read(other_length, node_id="7")
    plan = write(stylise(read(9)), compare="side_by_side", other=other)
    run(plan)
    pixels = written(plan)
    shown = [min(number, other_length - 1) for number in range(9)]
    assert np.array_equal(pixels[:, :, :8], numbered(other_length)[shown])
    assert spec_of(other).opened[0].closed.wait(5)


def test_generating_takes_size_rate_and_length_from_the_widgets():
    plan = write(stylise(None, width=8, height=6, fps=10.0, length=10))
    run(plan, stub=Behaviour(needs_source=False))
    sink = spec_of(plan).sink
    assert np.array_equal(sink.pixels, numbered(10))
    assert sink.pts == [Fraction(number, 10) for number in range(10)]
    assert spec_of(plan).format == [(8, 6, Fraction(10))]


def test_generating_without_a_length_plays_until_stop():
    plan = write(stylise(None, width=8, height=6))
    behaviour = Behaviour(needs_source=False)
    session = StreamSession(plan, Zoo({"stub": behaviour}))
    session.start()
    assert behaviour.reached("decode", 3)
    assert session.progress.total is None and session.progress.eta is None
    session.stop()
    assert session.wait(WAIT) and session.state == "done"
    sink = spec_of(plan).sink
    assert sink.ended == "closed" and sink.frames >= 16
    assert np.array_equal(sink.pixels, numbered(sink.frames))
    assert spec_of(plan).format[0][2] == 12


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (lambda: write(stylise(None, width=8, height=6)), "Set-up: this model needs frames: connect some"),
        (
            lambda: write(stylise(read(), width=7)),
            "Set-up: width on StreamDenoise 2 is 7: use a multiple of 2",
        ),
        (
            lambda: write(stylise(None, width=8, height=6), compare="wipe"),
            "Set-up: compare on FrameStreamIO 9 has no source to show: connect a second stream.",
        ),
    ],
)
def test_settings_that_cannot_work_are_said_in_one_line(plan: Callable[[], PlanNode], line: str):
    node = plan()
    session = StreamSession(node, Zoo({"stub": Behaviour()}))
    session.start()
    assert session.wait(WAIT) and session.state == "failed"
    assert isinstance(session.error, SettingError) and str(session.error).startswith(line)
    assert "\n" not in str(session.error)
    assert session.results["9"].path is None
    assert spec_of(node).opened == []


def test_a_plan_that_writes_nothing_is_refused():
    with pytest.raises(SettingError, match="Nothing is written"):
        StreamSession(read(), Zoo({}))


def test_sources_are_read_in_the_sizes_of_the_model_and_closed():
    source = read(11)
    run(write(stylise(source)), stub=Behaviour(1, 4))
    opened = spec_of(source).opened[0]
    assert opened.asked[:3] == [1, 4, 4]
    assert opened.closed.wait(5)


def test_every_stage_runs_on_the_one_compute_worker():
    behaviour = Behaviour()
    run(write(stylise(read(20))), stub=behaviour)
    assert {thread for _, _, thread in behaviour.calls} == {"livestyle-cpu-compute"}
    order = [(stage, chunk) for stage, chunk, _ in behaviour.calls]
    assert order == [(stage, chunk) for chunk in range(5) for stage in ("encode", "denoise", "decode")]


def test_two_sessions_use_the_same_worker():
    threads, workers = set(), []
    for _ in range(2):
        behaviour = Behaviour()
        run(write(stylise(read(5))), stub=behaviour)
        threads |= {thread for _, _, thread in behaviour.calls}
        workers.append({t for t in threading.enumerate() if t.name == "livestyle-cpu-compute"})
    assert threads == {"livestyle-cpu-compute"}
    assert workers[0] == workers[1]


def test_states_come_in_order_and_listeners_hear_them():
    events: list[dict] = []
    session = StreamSession(write(stylise(read())), Zoo({"stub": Behaviour()}))
    leave = session.listen(events.append)
    assert session.state == "loading"
    session.start()
    assert session.wait(WAIT) and session.join(WAIT)
    states = [event["state"] for event in events if event["type"] == "state"]
    assert list(dict.fromkeys(states)) == ["loading", "warming", "running", "draining", "done"]
    leave()
    session.store.set("2.strength", 0.5)
    assert events[-1]["type"] == "state"


def test_a_listener_that_fails_harms_nobody():
    session = StreamSession(write(stylise(read())), Zoo({"stub": Behaviour()}))

    def broken(event: object) -> None:
        raise RuntimeError("gone")

    session.listen(broken)
    session.start()
    assert session.wait(WAIT) and session.state == "done"


def test_progress_knows_the_end():
    behaviour = Behaviour(delays={"denoise": 0.05})
    session = StreamSession(write(stylise(read(40))), Zoo({"stub": behaviour}))
    assert session.progress.done == 0 and session.progress.eta is None
    session.start()
    assert behaviour.reached("denoise", 5)
    progress = session.progress
    assert progress.total == 40 and 4 <= progress.done < 40
    assert progress.fps > 0 and progress.eta == pytest.approx((40 - progress.done) / progress.fps, rel=0.5)
    assert session.wait(WAIT)
    assert session.progress.done == 40


def test_telemetry_sees_every_stage():
    session = run(write(stylise(read(20))), stub=Behaviour(delays={"denoise": 0.01}))
    snapshot = session.telemetry.snapshot()
    assert set(snapshot["stages"]) == {"read", "encode", "denoise", "decode", "write"}
    assert snapshot["stages"]["denoise"]["count"] == 5
    assert snapshot["stages"]["denoise"]["p50_ms"] >= 10
    assert snapshot["frames"] == 20
    assert snapshot["busy_s"]["compute"] >= 0.05
    assert snapshot["wall_s"] >= snapshot["busy_s"]["compute"] * 0.9
    assert snapshot["latency_ms"]["p95"] >= 10


def test_queues_are_bounded_when_the_target_is_slow():
    source = read(200)
    plan = write(stylise(source), delay=0.02)
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    session.start()
    while not session.wait(0.005):
        read_so_far = 4 * len(spec_of(source).opened[0].asked) if spec_of(source).opened else 0
        assert read_so_far - session.progress.done <= 64
    assert session.state == "done" and spec_of(plan).sink.frames == 200


def test_ids_and_tokens_are_unguessable_and_unique():
    made = [StreamSession(write(read()), Zoo({})) for _ in range(20)]
    assert len({session.id for session in made}) == len({session.token for session in made}) == 20
    assert all(len(session.token) >= 32 for session in made)


def test_what_is_heavy_is_let_go_of_at_the_end():
    import gc
    import weakref

    plan = write(stylise(read()))
    behaviour = Behaviour()
    session = run(plan, stub=behaviour)
    assert behaviour.released == 1
    gone = weakref.ref(plan)
    del plan
    gc.collect()
    assert gone() is None
    assert session.results["9"].frames == 10

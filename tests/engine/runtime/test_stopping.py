"""Stop drains, Cancel ends at once; in every state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, picture, read, spec_of, stylise, write
from what_is_held import ThreadsSince

from livestyle.engine.errors import SessionCancelled
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0
ENDLESS = 1 << 20


def started(behaviour: Behaviour, zoo: Zoo | None = None, **source: object) -> tuple[StreamSession, object]:
    plan = write(stylise(read(**{"length": ENDLESS, **source})))
    session = StreamSession(plan, zoo or Zoo({"stub": behaviour}))
    session.start()
    return session, spec_of(plan)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_stop_finishes_what_was_decoded():
    behaviour = Behaviour(delays={"denoise": 0.005})
    plan = write(stylise(source := read(ENDLESS)))
    session = StreamSession(plan, Zoo({"stub": behaviour}))
    session.start()
    assert behaviour.reached("decode", 3)
    session.stop()
    assert session.state == "draining"
    assert session.wait(WAIT) and session.state == "done" and session.error is None
    sink, decoder = spec_of(plan).sink, spec_of(source).opened[0]
    assert sink.ended == "closed" and session.results["9"].complete
    assert sink.frames == decoder.given
    assert np.array_equal(sink.pixels, 255 - np.stack([picture(n, 6, 8) for n in range(sink.frames)]))


def test_stop_does_not_wait_for_a_blocked_source_for_long():
    unblock = threading.Event()
    session, sinks = started(Behaviour(), block_at=8, unblock=unblock)
    until(lambda: session.progress.done == 8)
    session.stop()
    assert session.wait(WAIT) and session.state == "done"
    assert sinks.sink.frames == 8 and sinks.sink.ended == "closed"
    assert not session.join(0.1)
    unblock.set()
    assert session.join(WAIT)


def test_a_slow_target_loses_nothing_on_stop():
    plan = write(stylise(source := read(ENDLESS)), delay=0.1)
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    session.start()
    until(lambda: session.progress.done >= 4)
    session.stop()
    assert session.wait(WAIT) and session.state == "done"
    assert spec_of(plan).sink.frames == spec_of(source).opened[0].given


def test_stop_while_loading_ends_without_a_file():
    zoo = Zoo({"stub": Behaviour()}, gate=threading.Event())
    session, sinks = started(zoo.behaviours["stub"], zoo)
    until(lambda: zoo.loads == ["stub"])
    session.stop()
    zoo.gate.set()
    assert session.wait(WAIT) and session.state == "done"
    assert sinks.opened == [] and session.results["9"].path is None


def check_cancel(session: StreamSession, unblock: Callable[[], None]) -> None:
    """Cancel shows at once, and a little later everything is closed."""
    session.cancel()
    assert session.state == "cancelled"
    assert session.wait(0.1)
    assert isinstance(session.error, SessionCancelled)
    unblock()
    assert session.join(WAIT)
    assert session.state == "cancelled"


def test_cancel_before_the_start():
    session = StreamSession(write(read()), Zoo({}))
    session.cancel()
    assert session.wait(0) and session.join(0)
    session.start()
    assert session.join(WAIT) and session.state == "cancelled"


def test_cancel_while_loading():
    zoo = Zoo({"stub": Behaviour()}, gate=threading.Event())
    session, sinks = started(zoo.behaviours["stub"], zoo)
    until(lambda: zoo.loads == ["stub"])
    check_cancel(session, zoo.gate.set)
    assert sinks.opened == [] and session.results["9"].path is None


@pytest.mark.parametrize("stage", ["encode", "denoise", "decode"])
def test_cancel_while_a_stage_works(stage: str):
    gate = threading.Event()
    behaviour = Behaviour(gates={stage: gate})
    session, sinks = started(behaviour)
    assert behaviour.reached(stage, 0)
    until(lambda: bool(sinks.opened))
    assert session.state == "warming"
    session.cancel()
    assert session.wait(0.1)
    # The target is left playable although the stage still works.
    until(lambda: sinks.sink.ended == "aborted")
    calls = len(behaviour.calls)
    check_cancel(session, gate.set)
    assert len(behaviour.calls) == calls
    assert not session.results["9"].complete


def test_cancel_while_running():
    behaviour = Behaviour(delays={"denoise": 0.002})
    session, sinks = started(behaviour)
    until(lambda: session.progress.done > 8)
    assert session.state == "running"
    check_cancel(session, lambda: None)
    assert sinks.sink.ended == "aborted" and session.results["9"].frames == sinks.sink.frames > 8


def test_cancel_while_a_slow_source_is_waited_for():
    unblock = threading.Event()
    plan = write(stylise(source := read(ENDLESS, block_at=10, unblock=unblock)))
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    session.start()
    until(lambda: session.progress.done == 8)
    session.cancel()
    assert session.wait(0.1)
    until(lambda: spec_of(plan).sink.ended == "aborted")
    assert not session.join(0.1)
    check_cancel(session, unblock.set)
    assert spec_of(source).opened[0].closed.is_set()


def test_cancel_while_draining():
    gate = threading.Event()
    behaviour = Behaviour(gates={"denoise": gate})
    session, sinks = started(behaviour)
    assert behaviour.reached("denoise", 0)
    session.stop()
    assert session.state == "draining"
    check_cancel(session, gate.set)
    assert sinks.sink.ended == "aborted"


def test_cancel_after_the_end_changes_nothing():
    session, sinks = started(Behaviour(), length=5)
    assert session.wait(WAIT)
    session.cancel()
    assert session.state == "done" and session.error is None and sinks.sink.ended == "closed"


def test_what_is_closed_is_told_once_everything_is_closed():
    closed: list[tuple[str, int]] = []
    gate = threading.Event()
    behaviour = Behaviour(gates={"denoise": gate})
    plan = write(stylise(read(ENDLESS)))

    def on_closed(session: StreamSession) -> None:
        closed.append((spec_of(plan).sink.ended, session.results["9"].frames))

    session = StreamSession(plan, Zoo({"stub": behaviour}), on_closed=on_closed)
    session.start()
    assert behaviour.reached("denoise", 0)
    session.cancel()
    assert session.wait(0.1) and closed == []
    gate.set()
    assert session.join(WAIT) and closed == [("aborted", 0)]


def test_two_cancelled_sessions_leave_no_threads():
    threads = ThreadsSince()
    for _ in range(2):
        session, _ = started(Behaviour())
        until(lambda session=session: session.progress.done > 0)
        check_cancel(session, lambda: None)
    assert threads.named("livestyle-decode", "livestyle-write", "livestyle-session") == []

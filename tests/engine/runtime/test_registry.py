"""The registry: one session a node, ended ones bounded, all closed at the end."""

from __future__ import annotations

import threading

from runtime_stubs import Behaviour, Zoo, read, spec_of, stylise, write

from livestyle.engine.runtime.registry import KEPT, SessionRegistry

WAIT = 60.0


def test_a_new_session_of_a_node_ends_the_earlier_one_first():
    registry = SessionRegistry()
    first_plan, gate = write(stylise(read(1 << 20))), threading.Event()
    behaviour = Behaviour(delays={"denoise": 0.002})
    first = registry.open(first_plan, Zoo({"stub": behaviour}))
    first.start()
    assert behaviour.reached("decode", 2)
    assert registry.running() == [first] and registry.get(first.id) is first
    second = registry.open(write(stylise(read(5))), Zoo({"stub": Behaviour()}))
    assert first.state == "cancelled" and first.join(0)
    assert spec_of(first_plan).sink.ended == "aborted"
    second.start()
    assert second.wait(WAIT) and second.state == "done"
    assert not gate.is_set() and registry.running() == []


def test_another_node_is_left_alone():
    registry = SessionRegistry()
    behaviour = Behaviour(delays={"denoise": 0.002})
    first = registry.open(write(stylise(read(1 << 20)), "8"), Zoo({"stub": behaviour}))
    first.start()
    assert behaviour.reached("denoise", 0)
    second = registry.open(write(stylise(read(5)), "9"), Zoo({"stub": Behaviour()}))
    second.start()
    assert second.wait(WAIT) and second.state == "done"
    assert registry.running() == [first]
    registry.close()
    assert registry.running() == [] and first.state == "cancelled" and first.join(0)


def test_what_plays_in_the_background_is_found_and_finishes_its_file():
    registry, options = SessionRegistry(), {"graph": "mine", "background": True}
    plan, behaviour = write(stylise(read(1 << 20))), Behaviour(delays={"denoise": 0.002})
    first = registry.open(plan, Zoo({"stub": behaviour}), **options)
    first.start()
    assert behaviour.reached("decode", 2)
    assert registry.playing("9", "mine") is first and registry.playing("9", "another") is None
    beside = registry.open(write(stylise(read(5))), Zoo({"stub": Behaviour()}), graph="another")
    beside.start()
    assert beside.wait(WAIT) and registry.running() == [first]
    second = registry.open(write(stylise(read(5))), Zoo({"stub": Behaviour()}), **options)
    assert first.state == "done" and spec_of(plan).sink.ended == "closed"
    assert {first, beside} <= set(registry.ended()) and registry.get(first.id) is first
    second.cancel()


def test_the_same_plan_runs_again():
    registry = SessionRegistry()
    ids = set()
    for _ in range(3):
        plan = write(stylise(read(5)))
        session = registry.open(plan, Zoo({"stub": Behaviour()}))
        session.start()
        assert session.wait(WAIT) and session.state == "done"
        assert spec_of(plan).sink.frames == 5
        ids.add(session.id)
    assert len(ids) == 3


def test_an_ended_session_keeps_one_frame():
    registry = SessionRegistry()
    session = registry.open(write(stylise(read(30))), Zoo({"stub": Behaviour(first=8, chunk_frames=8)}))
    session.start()
    assert session.wait(WAIT) and session.join(WAIT)
    last = registry.get(session.id).preview.latest()
    assert last.index == 29 and last.pixels.base is None and last.source is None


def test_ended_sessions_are_forgotten_beyond_a_bound():
    registry = SessionRegistry()
    made = []
    for number in range(KEPT + 5):
        session = registry.open(write(read(1), str(number)), Zoo({}))
        session.start()
        assert session.wait(WAIT) and session.join(WAIT)
        made.append(session)
    known = [session for session in made if registry.get(session.id) is session]
    assert made[-1] in known and len(known) <= KEPT + 1
    assert registry.get("no such id") is None

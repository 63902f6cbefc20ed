"""FlowWarp in a session: between a source or a model and whoever uses it."""

from __future__ import annotations

import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, read, spec_of, stylise, write

from livestyle.engine.motion.blend import FlowBlender
from livestyle.engine.motion.flow import FlowSettings
from livestyle.engine.runtime.plan import FlowBlend, PlanNode
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0


def steady(parent: PlanNode, blend: float = 0.5, node_id: str = "5") -> PlanNode:
    return PlanNode(FlowBlend(FlowSettings(scale=1.0), blend=blend), (parent,), node_id)


def run(plan: PlanNode, **behaviours: Behaviour) -> tuple[StreamSession, list[dict]]:
    session = StreamSession(plan, Zoo({"stub": Behaviour(**behaviours)}))
    events: list[dict] = []
    session.listen(lambda event: events.append(dict(event)))
    session.start()
    assert session.join(WAIT)
    return session, events


def pixels(plan: PlanNode) -> np.ndarray:
    return spec_of(plan).sink.pixels


@pytest.mark.parametrize("length", [1, 7, 30])
def test_all_frames_pass_in_order_blended_along_the_source(length: int) -> None:
    plan = write(steady(stylise(read(length))))
    plain = write(stylise(read(length)))
    for each in (plan, plain):
        session, _ = run(each)
        assert session.state == "done", session.error
    source = 255 - pixels(plain)
    expected = FlowBlender(FlowSettings(scale=1.0)).blend(pixels(plain), source, 0.5)
    assert np.array_equal(pixels(plan), expected)


def test_without_a_model_and_in_both_branches() -> None:
    alone = write(steady(read(20)))
    both = write(
        steady(stylise(steady(read(20), node_id="6"))), compare="side_by_side", other=steady(read(20))
    )
    for plan in (alone, both):
        session, _ = run(plan)
        assert session.state == "done", session.error
        assert len(pixels(plan)) == 20


def test_a_generated_stream_follows_itself() -> None:
    plan = write(steady(stylise(None, width=32, height=32, length=11)))
    session, _ = run(plan, needs_source=False)
    assert session.state == "done", session.error
    assert len(pixels(plan)) == 11


def test_blend_is_live_and_answered() -> None:
    plan = write(steady(read(400), 0.0))
    session = StreamSession(plan, Zoo({}))
    receipts: list[dict] = []
    session.listen(lambda event: receipts.append(dict(event)))
    session.store.set("5.blend", 0.5, seq=3)
    session.start()
    assert session.join(WAIT) and session.state == "done"
    applied = [receipt for receipt in receipts if receipt["type"] == "applied"]
    assert [(receipt["key"], receipt["seq"], receipt["chunk"]) for receipt in applied] == [("5.blend", 3, 0)]


def test_a_failure_ends_the_session_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no motion\nat all")

    monkeypatch.setattr(FlowBlender, "blend", fail)
    session, _ = run(write(steady(read(20))))
    assert session.state == "failed"
    assert str(session.error) == "Flow warp: ValueError: no motion"


def test_cancel_ends_it_while_it_works() -> None:
    plan = write(steady(stylise(read(1_000_000))), forget=True)
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    session.start()
    while not session.progress.done:
        assert not session.wait(0.01)
    session.cancel()
    assert session.join(WAIT) and session.state == "cancelled"

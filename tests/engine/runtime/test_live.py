"""Live values in a running session: when they apply, and what is told."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, read, spec_of, stylise, write

from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0


def playing(behaviour: Behaviour, length: int = 60) -> tuple[StreamSession, list[dict]]:
    plan = write(stylise(read(length)))
    session = StreamSession(plan, Zoo({"stub": behaviour}))
    receipts: list[dict] = []
    session.listen(lambda event: receipts.append(dict(event)))
    session.sink_spec = spec_of(plan)
    return session, receipts


def of_type(receipts: list[dict], kind: str) -> list[dict]:
    return [receipt for receipt in receipts if receipt["type"] == kind]


class Gate(threading.Event):
    """Lets one caller through for each ``denoise``."""

    def __init__(self) -> None:
        super().__init__()
        self._turns = threading.Semaphore(0)

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set() or self._turns.acquire()

    def step(self) -> None:
        self._turns.release()

    def open(self) -> None:
        self.set()
        self._turns.release(1000)


@pytest.mark.parametrize("chunk", [0, 3])
def test_a_late_value_applies_one_chunk_later_at_most(chunk: int):
    gate = Gate()
    behaviour = Behaviour(gates={"denoise": gate})
    session, receipts = playing(behaviour)
    session.start()
    for _ in range(chunk):
        gate.step()
    assert behaviour.reached("denoise", chunk)
    session.store.set("2.strength", 0.5, seq=11)
    gate.open()
    assert session.wait(WAIT) and session.state == "done"
    values = [late["2.strength"] for late in behaviour.late]
    assert values[: chunk + 1] == [1.0] * (chunk + 1) and set(values[chunk + 1 :]) == {0.5}
    (applied,) = of_type(receipts, "applied")
    assert applied["chunk"] == chunk + 1 and applied["frame"] == 4 * (chunk + 1) and applied["seq"] == 11


@pytest.mark.parametrize("chunk", [0, 3])
def test_other_values_apply_prefetch_plus_one_chunks_later_at_most(chunk: int):
    gate = Gate()
    behaviour = Behaviour(gates={"denoise": gate})
    session, receipts = playing(behaviour)
    session.start()
    for _ in range(chunk):
        gate.step()
    assert behaviour.reached("denoise", chunk)
    session.store.set("p.prompt", "ink")
    gate.open()
    assert session.wait(WAIT) and session.state == "done"
    prompts = [live["p.prompt"] for live in behaviour.live]
    first = prompts.index("ink")
    assert chunk < first <= chunk + 2 and set(prompts[first:]) == {"ink"}
    (applied,) = of_type(receipts, "applied")
    assert applied["chunk"] == first and applied["key"] == "p.prompt"


def test_the_applied_frame_is_the_first_that_shows_the_value():
    gate = Gate()
    behaviour = Behaviour(gates={"denoise": gate})
    session, receipts = playing(behaviour)
    session.start()
    gate.step()
    assert behaviour.reached("denoise", 1)
    session.store.set("2.strength", 0.0)
    gate.open()
    assert session.wait(WAIT)
    dark = ~session.sink_spec.sink.pixels.reshape(60, -1).any(axis=1)
    (applied,) = of_type(receipts, "applied")
    assert np.flatnonzero(dark)[0] == applied["frame"] and dark[applied["frame"] :].all()


def test_sixty_changes_a_second_end_with_the_last_one():
    behaviour = Behaviour(delays={"denoise": 0.02})
    session, receipts = playing(behaviour, length=4000)
    session.start()
    assert behaviour.reached("denoise", 0)
    for step in range(600):
        session.store.set("2.strength", (step % 100) / 100 if step < 599 else 0.75, seq=step)
        if step % 60 == 0:
            time.sleep(0.03)
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if any(receipt["seq"] == 599 for receipt in of_type(receipts, "applied")):
            break
        time.sleep(0.01)
    session.stop()
    assert session.wait(WAIT) and session.state == "done"
    applied = [receipt["seq"] for receipt in of_type(receipts, "applied")]
    assert applied == sorted(set(applied)) and applied[-1] == 599
    assert [receipt["seq"] for receipt in of_type(receipts, "received")] == list(range(600))
    assert behaviour.late[-1]["2.strength"] == 0.75


def test_values_set_while_the_model_loads_count_from_the_first_frame():
    behaviour = Behaviour()
    zoo = Zoo({"stub": behaviour}, gate=threading.Event())
    session = StreamSession(write(stylise(read(12))), zoo)
    session.start()
    session.store.set("p.prompt", "woodcut")
    zoo.gate.set()
    assert session.wait(WAIT) and session.state == "done"
    assert {live["p.prompt"] for live in behaviour.live} == {"woodcut"}


def test_branches_share_the_prompt_and_each_has_its_own_strength():
    source = read(12)
    plan = write(stylise(source, "2", "a"), compare="side_by_side", other=stylise(source, "3", "b"))
    one, other = Behaviour(), Behaviour()
    zoo = Zoo({"a": one, "b": other}, gate=threading.Event())
    session = StreamSession(plan, zoo)
    session.start()
    session.store.set("3.strength", 0.0)
    session.store.set("p.prompt", "ink")
    zoo.gate.set()
    assert session.wait(WAIT) and session.state == "done"
    pixels = spec_of(plan).sink.pixels
    assert not pixels[:, :, :8].any() and pixels[:, :, 8:].any()
    assert {live["p.prompt"] for live in (*one.live, *other.live)} == {"ink"}

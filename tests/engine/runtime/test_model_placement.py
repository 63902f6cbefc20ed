"""Models of a plan are on the device together, before runners are made, and gone at the end."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from runtime_stubs import Behaviour, InvertModel, InvertRunner, Zoo, read, stylise, write

from livestyle.engine.families import StreamRequest, demo_checkpoints, load_model
from livestyle.engine.families.base import DenoiseSettings, ModelHandle, StreamModel
from livestyle.engine.runtime.model_placement import placement_of
from livestyle.engine.runtime.residency import OwnResidency
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0
SIZE = (8, 6)
CPU = torch.device("cpu")


class Watched(InvertModel):
    """Says when a runner is made, and whether it and its runners are still there."""

    def __init__(self, behaviour: Behaviour, story: list[str], living: weakref.WeakSet) -> None:
        super().__init__(behaviour)
        self.story, self.living = story, living
        living.add(self)

    def runner(self, request: StreamRequest) -> InvertRunner:
        self.story.append("runner")
        made = super().runner(request)
        made.itself = made  # as networks with hooks refer to themselves
        strength, *others = made.live_parameters
        made.live_parameters = (replace(strength, check=made.check), *others)
        self.living.add(made)
        return made


class Checking(InvertRunner):
    def check(self, value: object) -> None:
        """Refuses nothing; as a bound method it holds its runner."""


class Recorder(OwnResidency):
    """Tells what a session asks for, and what is still there once it is told that all is over."""

    def __init__(self, story: list[str], living: weakref.WeakSet) -> None:
        super().__init__(torch.device("cpu"))
        self.story, self.living = story, living
        self.asked: list[tuple[int, int]] = []
        self.left: list[str] | None = None

    def acquire(self, models: Sequence[StreamModel], memory_required: Mapping[torch.device, int]) -> None:
        self.story.append("acquire")
        assert set(memory_required) == {CPU}
        self.asked.append((len(models), memory_required[CPU]))
        super().acquire(models, memory_required)

    def released(self) -> None:
        super().released()
        self.left = [type(thing).__name__ for thing in self.living]


def play(plan: Any, behaviours: Mapping[str, Behaviour], monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Run a plan; nothing but the session holds its models."""
    monkeypatch.setattr("runtime_stubs.InvertRunner", Checking)
    story: list[str] = []
    living: weakref.WeakSet = weakref.WeakSet()
    residency = Recorder(story, living)
    session = StreamSession(
        plan, lambda handle: Watched(behaviours[handle.checkpoint], story, living), residency=residency
    )
    session.start()
    assert session.wait(WAIT) and session.join(WAIT)
    assert residency.left is not None
    residency.session = session
    return residency


def two_models() -> Any:
    source = read(40)
    return write(stylise(source, "2", "a"), compare="side_by_side", other=stylise(source, "3", "b"))


def test_all_models_are_placed_in_one_call_before_any_runner_is_made(monkeypatch: pytest.MonkeyPatch):
    residency = play(two_models(), {"a": Behaviour(4, 4), "b": Behaviour(1, 5)}, monkeypatch)
    assert residency.story[:3] == ["acquire", "runner", "runner"]
    assert set(residency.asked) == {(2, 8 * 6 * (4 + 5))}
    assert len(residency.asked) > 1  # again before a burst


def test_a_model_of_two_nodes_is_placed_once_with_memory_for_both(monkeypatch: pytest.MonkeyPatch):
    source = read()
    plan = write(stylise(source, "2"), compare="wipe", other=stylise(source, "3", steps=2))
    residency = play(plan, {"stub": Behaviour(4, 4)}, monkeypatch)
    assert set(residency.asked) == {(1, 2 * 8 * 6 * 4)}


def test_a_plan_without_a_model_asks_for_nothing(monkeypatch: pytest.MonkeyPatch):
    assert play(write(read()), {}, monkeypatch).asked == []


def test_a_model_that_knows_its_streams_is_asked_with_their_settings():
    class Sizing(InvertModel):
        def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
            return settings.steps * width * height

    node = stylise(read(), steps=3)
    model = Sizing(Behaviour())
    needs = {node: model.requirements(node.operation.settings)}
    placement = placement_of({node: model}, needs, *SIZE, CPU)
    assert placement.memory == {CPU: 3 * 8 * 6} and placement.models == (model,)


def test_a_causal_models_stream_takes_memory_for_its_own_settings():
    folder = demo_checkpoints()["demo: rtr-dit"]
    model = load_model(ModelHandle(str(folder)), CPU, torch.float32)
    steps = len(model.profile.steps)

    def asked(**expert: Any) -> int:
        node = stylise(read(), steps=steps, advanced=tuple(expert.items()))
        needs = model.requirements(node.operation.settings)
        return placement_of({node: model}, {node: needs}, 64, 64, CPU).memory[CPU]

    layout = model.layout(DenoiseSettings(), 64, 64, 2 * model.profile.references)
    assert asked(stream_batch=True) - asked() >= (steps - 1) * layout.bytes(1, 4) > 0
    longer = asked(cache_window=layout.window + 4) - asked()
    assert longer == 4 * layout.bytes(1, 4) // layout.slots
    assert asked(cache_reference=9) > asked()


def test_runners_and_models_are_gone_when_their_memory_is_given_back(monkeypatch: pytest.MonkeyPatch):
    residency = play(two_models(), {"a": Behaviour(), "b": Behaviour()}, monkeypatch)
    assert residency.session.state == "done"
    assert residency.left == []


def test_a_failed_run_leaves_nothing_either(monkeypatch: pytest.MonkeyPatch):
    behaviour = Behaviour(raises={("denoise", 1): torch.OutOfMemoryError("no")})
    residency = play(write(stylise(read(40))), {"stub": behaviour}, monkeypatch)
    assert residency.session.state == "failed"
    assert residency.left == []


def test_values_can_still_be_set_after_the_end(monkeypatch: pytest.MonkeyPatch):
    """A page may do so before it knows of the end; what the session remembers is unchanged."""
    session = play(write(stylise(read())), {"stub": Behaviour()}, monkeypatch).session
    before = session.store.snapshot()["2.strength"]
    session.store.set("2.strength", 0.25)
    assert (before, session.store.snapshot()["2.strength"]) == (1.0, 0.25)


def test_stop_while_loading_leaves_nothing(monkeypatch: pytest.MonkeyPatch):
    zoo = Zoo({"stub": Behaviour()}, gate=threading.Event())
    made: list[weakref.ref] = []

    def load(handle: Any) -> StreamModel:
        model = zoo(handle)
        made.append(weakref.ref(model))
        return model

    session = StreamSession(write(stylise(read())), load)
    session.start()
    while not zoo.loads:
        assert not session.wait(0.01)
    session.stop()
    zoo.gate.set()
    assert session.wait(WAIT) and session.join(WAIT) and session.state == "done"
    gc.collect()
    assert [model() for model in made] == [None]

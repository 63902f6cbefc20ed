"""A runner whose results come some chunks after their source (a moving buffer)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_stubs import Behaviour, InvertModel, InvertRunner, picture, read, spec_of, stylise, write

from livestyle.engine.families import StreamRequest
from livestyle.engine.families.base import Chunk
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0


def numbered(length: int) -> np.ndarray:
    """What the stub source gives."""
    return np.stack([picture(number, 6, 8) for number in range(length)])


class HoldingRunner(InvertRunner):
    """Inverts, but gives each chunk back ``delay`` chunks later."""

    def __init__(self, delay: int, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.requirements = replace(self.requirements, delay=delay)
        self.held: list[Any] = []
        self.steps = self.ends = 0

    def encode(self, chunk: Chunk) -> Any:
        if chunk.frames is None:
            assert chunk.valid == 0
            self.ends += 1
            return None
        return super().encode(chunk)

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        if encoded is not None:
            self.held.append(super().denoise(encoded, late))
        self.steps += 1
        return self.held.pop(0) if self.steps > self.requirements.delay else None

    def decode(self, denoised: Any) -> np.ndarray:
        return np.empty((0, *self.size, 3), np.uint8) if denoised is None else super().decode(denoised)


class HoldingModel(InvertModel):
    def __init__(self, behaviour: Behaviour, delay: int) -> None:
        super().__init__(behaviour)
        self.delay = delay
        self.runners: list[HoldingRunner] = []

    def runner(self, request: StreamRequest) -> HoldingRunner:
        recipe, size = request.conditioning, (request.width, request.height)
        self.runners.append(HoldingRunner(self.delay, self.behaviour, request.node_id, recipe.node_id, *size))
        return self.runners[-1]


def run(plan, model: HoldingModel) -> None:
    session = StreamSession(plan, lambda _: model)
    session.start()
    assert session.join(WAIT)
    assert session.state == "done", session.error


@settings(max_examples=30, deadline=None)
@given(
    length=st.integers(1, 40),
    first=st.integers(1, 5),
    chunk_frames=st.integers(1, 5),
    delay=st.integers(0, 5),
)
def test_frames_in_are_frames_out_with_any_delay(
    length: int, first: int, chunk_frames: int, delay: int
) -> None:
    plan = write(stylise(read(length)))
    model = HoldingModel(Behaviour(first, chunk_frames), delay)
    run(plan, model)
    assert np.array_equal(spec_of(plan).sink.pixels, 255 - numbered(length))
    assert model.runners[0].ends == delay


@pytest.mark.parametrize("delay", [0, 3])
def test_compared_frames_wait_for_delayed_ones(delay: int) -> None:
    source = read(40)
    plan = write(stylise(source), compare="side_by_side", other=source)
    run(plan, HoldingModel(Behaviour(1, 4), delay))
    width = numbered(1).shape[2]
    pixels = spec_of(plan).sink.pixels
    assert np.array_equal(pixels[:, :, -width:], 255 - numbered(40))
    assert np.array_equal(pixels[:, :, :width], numbered(40))


def test_a_generator_has_no_delay() -> None:
    plan = write(stylise(None, width=8, height=6, length=10))
    behaviour = Behaviour(needs_source=False)

    class Generating(HoldingRunner):
        encode = InvertRunner.encode
        denoise = InvertRunner.denoise

    model = HoldingModel(behaviour, 3)
    model.runner = lambda request: Generating(
        3, behaviour, request.node_id, request.conditioning.node_id, request.width, request.height
    )
    run(plan, model)
    assert np.array_equal(spec_of(plan).sink.pixels, numbered(10))


class MixingRunner(HoldingRunner):
    """Strength acts on the chunk that comes out, as where an edit is mixed with its source at the end."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.on_prepare: Callable[[int], None] = lambda chunk: None

    def encode(self, chunk: Chunk) -> Any:
        self.on_prepare(chunk.index)
        return super().encode(chunk)

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        if encoded is not None:
            self.held.append(encoded)
        self.steps += 1
        if self.steps <= self.requirements.delay:
            return None
        return InvertRunner.denoise(self, self.held.pop(0), late)


def change(delay: int, chunk: int, key: str, value: Any) -> tuple[Behaviour, np.ndarray, list[dict]]:
    """Play 40 frames in chunks of 4, with a change while a chunk is encoded; also what was applied."""
    plan = write(stylise(read(40)))
    behaviour = Behaviour()
    model = HoldingModel(behaviour, delay)
    receipts: list[dict] = []

    def make(request: StreamRequest) -> MixingRunner:
        recipe, size = request.conditioning, (request.width, request.height)
        runner = MixingRunner(delay, behaviour, request.node_id, recipe.node_id, *size)
        runner.on_prepare = lambda index: session.store.set(key, value) if index == chunk else None
        return runner

    model.runner = make
    session = StreamSession(plan, lambda _: model)
    session.listen(lambda event: receipts.append(dict(event)))
    session.start()
    assert session.join(WAIT) and session.state == "done", session.error
    applied = [receipt for receipt in receipts if receipt["type"] == "applied"]
    return behaviour, spec_of(plan).sink.pixels, applied


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("chunk", [0, 5, 9, "drained"])
def test_a_late_value_is_told_with_the_first_block_that_shows_it(delay: int, chunk: int | str) -> None:
    """Up to the chunks that are only brought out, after the end of the source."""
    if chunk == "drained":
        chunk = 9 + delay
    _, pixels, applied = change(delay, chunk, "2.strength", 0.5)
    changed = (pixels != 255 - numbered(40)).any(axis=(1, 2, 3))
    (receipt,) = applied
    assert receipt["frame"] == int(changed.argmax()) and changed[receipt["frame"] :].all()
    assert receipt["chunk"] == receipt["frame"] // 4


@pytest.mark.parametrize("delay", [0, 2])
def test_other_values_are_told_with_the_chunk_that_was_encoded_with_them(delay: int) -> None:
    behaviour, _, applied = change(delay, 5, "p.prompt", "ink")
    first = [live["p.prompt"] for live in behaviour.live].index("ink")
    (receipt,) = applied
    assert receipt["chunk"] == first and receipt["frame"] == 4 * first

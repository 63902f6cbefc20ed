"""Another model for a stream that plays: built beside the old one, swapped in at a chunk's border."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from runtime_stubs import (
    FPS,
    Behaviour,
    InvertModel,
    InvertRunner,
    Zoo,
    picture,
    read,
    spec_of,
    stylise,
    write,
)

from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest
from livestyle.engine.families.base import LiveParameter, ModelHandle, Runner, StreamModel
from livestyle.engine.runtime.plan import PlanNode, stylised
from livestyle.engine.runtime.residency import OwnResidency
from livestyle.engine.runtime.session import StreamSession
from livestyle.engine.runtime.swap import Swap

WAIT = 20.0
LENGTH = 50
BLOCKED = 14
"""The source waits at this frame until the test is done with the swap."""


class HalfRunner(InvertRunner):
    """Half as bright as the other, with one live value more."""

    def __init__(self, *of: Any) -> None:
        super().__init__(*of)
        self.live_parameters = (*self.live_parameters[:2], LiveParameter("m.lora_strength", "float", 1.0))

    def decode(self, denoised: Any) -> np.ndarray:
        return super().decode(denoised) // 2


class HalfModel(InvertModel):
    def runner(self, request: StreamRequest) -> Runner:
        return HalfRunner(self.behaviour, request.node_id, "p", request.width, request.height)


class Shelf(Zoo):
    """What it gave, weakly."""

    def __call__(self, handle: ModelHandle) -> StreamModel:
        kind = InvertModel if handle.checkpoint == "stub" else HalfModel
        self.loads.append(handle.checkpoint)
        if self.gate is not None and handle.checkpoint != "stub":
            assert self.gate.wait(WAIT)
        model = kind(self.behaviours[handle.checkpoint])
        self.given = [*getattr(self, "given", ()), weakref.ref(model)]
        return model


class Player:
    """A session that plays, and what happens to it."""

    def __init__(self, plan: PlanNode, other: Behaviour, first: Behaviour | None = None) -> None:
        self.plan, self.borders, self.events = plan, [], []
        self.shelf = Shelf({"stub": first or Behaviour(), "other": other})
        self.session = StreamSession(plan, self.shelf, background=True)
        self.session.listen(self.events.append)
        self.session.start()
        self.wait_for(lambda: self.session.progress.done >= 4)

    def wait_for(self, holds: Callable[[], Any]) -> None:
        deadline = time.monotonic() + WAIT
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def swap(self, checkpoint: str = "other", node_id: str = "2") -> Swap:
        operation = stylised(stylise(None, node_id, checkpoint))
        residency = OwnResidency(torch.device("cpu"))
        return self.session.swap({node_id: operation}, residency, lambda node, at: self.borders.append(at))

    def swapped(self) -> int:
        """The first frame of the other model."""
        swap = self.swap()
        assert swap.wait(WAIT) and swap.error is None, swap.error
        (border,) = self.borders
        return border

    def end(self) -> np.ndarray:
        self.let_go()
        assert self.session.wait(WAIT) and self.session.join(WAIT)
        assert self.session.state == "done", self.session.error
        return spec_of(self.plan).sink.pixels

    def let_go(self) -> None:
        if self.shelf.gate is not None:
            self.shelf.gate.set()
        for node in self.plan.walk():
            if node.node_id == "1":
                spec_of(node).unblock.set()
                return
        self.session.stop()


@pytest.fixture
def play() -> Iterator[Callable[..., Player]]:
    made: list[Player] = []

    def make(
        plan: PlanNode | None = None, other: Behaviour | None = None, first: Behaviour | None = None
    ) -> Player:
        plan = plan or write(stylise(read(LENGTH, block_at=BLOCKED)))
        made.append(Player(plan, other or Behaviour(), first))
        return made[-1]

    yield make
    for each in made:
        each.session.cancel()
        each.let_go()
        each.session.join(WAIT)


def is_gone(model: weakref.ref[Any]) -> bool:
    gc.collect()
    return model() is None


def numbered(length: int) -> np.ndarray:
    return np.stack([picture(number, 6, 8) for number in range(length)])


@pytest.mark.parametrize(
    ("before", "after"), [((4, 4), (4, 4)), ((1, 4), (9, 2)), ((5, 3), (1, 16)), ((2, 2), (20, 30))]
)
def test_every_frame_is_made_once_by_one_of_the_two(play, before, after) -> None:
    player = play(first=Behaviour(*before), other=Behaviour(*after))
    border = player.swapped()
    assert 4 <= border <= BLOCKED and (border - before[0]) % before[1] == 0
    made, source = player.end(), numbered(LENGTH)
    assert np.array_equal(made[:border], 255 - source[:border])
    assert np.array_equal(made[border:], (255 - source[border:]) // 2)
    assert spec_of(player.plan).sink.pts == [Fraction(number) / FPS for number in range(LENGTH)]
    assert player.session.results["9"].frames == LENGTH


def test_a_generator_goes_on_with_its_next_frame(play) -> None:
    slow = Behaviour(4, 4, needs_source=False, delays={"decode": 0.005})
    player = play(write(stylise(None, width=8, height=6)), Behaviour(9, 9, needs_source=False), slow)
    border = player.swapped()
    player.wait_for(lambda: player.session.progress.done > border + 9)
    made = player.end()
    source = numbered(len(made))
    assert np.array_equal(made[:border], source[:border]) and len(made) > border
    assert np.array_equal(made[border:], source[border:] // 2)


def test_a_comparison_has_room_for_larger_chunks(play) -> None:
    source = read(200, block_at=BLOCKED)
    player = play(write(stylise(source), compare="side_by_side", other=source), Behaviour(60, 60))
    border = player.swapped()
    made, given = player.end(), numbered(200)
    assert np.array_equal(made[border:, :, 8:], (255 - given[border:]) // 2) and len(made) == 200


def test_what_it_held_is_let_go_of_and_its_values_stay(play) -> None:
    player = play(first=Behaviour(readout={"window": "8"}), other=Behaviour(readout={"window": "4"}))
    store = player.session.store
    store.set("2.seed", 7)
    player.swapped()
    assert set(store.parameters()) == {"2.strength", "2.seed", "m.lora_strength", "9.volume"}
    assert store.resting()["2.seed"] == 7
    store.set("m.lora_strength", 0.5)
    first = player.shelf.given[0]
    player.wait_for(lambda: is_gone(first))
    player.end()
    read = {"2.strength": 1.0, "2.seed": 7, "m.lora_strength": 0.5}
    live = player.shelf.behaviours["other"].live[-1]
    assert {key: live[key] for key in read} == read and "p.prompt" not in live
    assert player.session.telemetry.snapshot()["readouts"] == {"2": {"window": "4"}}
    assert not [event for event in player.events if event["type"] == "rejected"]


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (Behaviour(multiple=16), "needs width and height in multiples of 16, and it plays at 8x6"),
        (Behaviour(raises={("denoise", 0): torch.OutOfMemoryError("no")}), "out of memory"),
        (Behaviour(raises={("encode", 0): SettingError("no such prompt")}), "no such prompt"),
    ],
)
def test_a_model_that_cant_play_leaves_the_old_one(play, other: Behaviour, line: str) -> None:
    player = play(other=other)
    swap = player.swap()
    assert swap.wait(WAIT) and line in str(swap.error) and "\n" not in str(swap.error)
    player.wait_for(lambda: is_gone(player.shelf.given[1]))
    assert np.array_equal(player.end(), 255 - numbered(LENGTH)) and not player.borders


def test_a_checkpoint_that_cant_be_loaded_leaves_the_old_one(play) -> None:
    player = play()
    swap = player.swap("nowhere")
    assert swap.wait(WAIT) and swap.error is not None
    border = player.swapped()  # and another one may follow
    assert np.array_equal(player.end()[:border], 255 - numbered(border))


def test_a_generator_keeps_its_rate_and_takes_none_that_needs_frames(play) -> None:
    player = play(write(stylise(None, width=8, height=6)), Behaviour(), Behaviour(needs_source=False))
    swap = player.swap()
    assert swap.wait(WAIT) and "needs frames" in str(swap.error)


@pytest.mark.parametrize("how", ["stop", "cancel", "give_up"])
def test_the_build_may_be_left(play, how: str) -> None:
    player = play()
    player.shelf.gate = threading.Event()
    swap = player.swap()
    player.wait_for(lambda: player.shelf.loads[1:])
    with pytest.raises(SettingError, match="another model is being loaded"):
        player.swap()
    if how == "give_up":
        assert swap.give_up(SettingError("cancelled"))
        assert swap.wait(0)
        made = player.end()
        assert np.array_equal(made, 255 - numbered(LENGTH))
    else:
        getattr(player.session, how)()
        spec_of(next(node for node in player.plan.walk() if node.node_id == "1")).unblock.set()
        assert player.session.wait(WAIT) and player.session.join(WAIT)
        assert swap.wait(WAIT) and "ended" in str(swap.error)
    player.shelf.gate.set()
    player.wait_for(lambda: len(player.shelf.given) == 2 and is_gone(player.shelf.given[1]))
    assert not player.borders


def test_it_waits_for_go_on(play) -> None:
    player = play()
    player.session.pause()
    with pytest.raises(SettingError, match="Go on"):
        player.swap()

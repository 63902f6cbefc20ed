"""Two streams in one session: joined by time, before a model, behind it, and live."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from runtime_stubs import FPS, Behaviour, Zoo, picture, read, spec_of, stylise, write

from livestyle.engine.media.mixing import Mix
from livestyle.engine.media.types import Frames
from livestyle.engine.runtime.edge import Edge
from livestyle.engine.runtime.follower import Follower
from livestyle.engine.runtime.plan import PlanNode
from livestyle.engine.runtime.session import StreamSession

WAIT = 20.0


def mix(*parents: PlanNode, balance: float = 1.0, node_id: str = "5", mode: str = "crossfade") -> PlanNode:
    return PlanNode(Mix(mode, balance), parents, node_id)


def run(plan: PlanNode, **behaviours: Behaviour) -> np.ndarray:
    session = StreamSession(plan, Zoo({"stub": Behaviour(**behaviours)}))
    session.start()
    assert session.join(WAIT)
    assert session.state == "done", session.error
    return spec_of(plan).sink.pixels


def numbers(length: int) -> np.ndarray:
    return np.stack([picture(number, 6, 8) for number in range(length)])


def edge_of(*moments: float) -> Edge:
    edge = Edge(4)
    for index, moment in enumerate(moments):
        edge.push(Frames(np.full((1, 2, 2, 3), index, np.uint8), index, (Fraction(moment),)))
    return edge


def at(follower: Follower, moment: float) -> int | None:
    shown = follower.at(Fraction(moment))
    return None if shown is None else int(shown[0, 0, 0])


def test_a_follower_shows_the_last_picture_that_is_not_later() -> None:
    edge = edge_of(0.25, 0.5, 1.0)
    follower = Follower(edge, waits=True)
    assert [at(follower, moment) for moment in (0, 0.25, 0.75, 1.0)] == [0, 0, 1, 2]
    assert at(follower, 1.25) is None  # another may come
    edge.ended = True
    assert [at(follower, moment) for moment in (1.25, 9)] == [2, 2]


def test_a_live_follower_shows_what_it_has_and_holds_nobody_up() -> None:
    edge = edge_of(0.0, 0.25)
    follower = Follower(edge, waits=False)
    assert [at(follower, moment) for moment in (0.25, 3)] == [1, 1]
    for number in range(8):
        edge.push(Frames(np.full((1, 2, 2, 3), 10 + number, np.uint8), 0, (Fraction(4 + number),)))
        follower.keep_up()
        assert edge.room
    assert at(follower, 3) == 14


@pytest.mark.parametrize("length", [1, 5, 30, 60])
def test_the_first_stream_gives_the_length_and_a_shorter_second_one_holds(length: int) -> None:
    pixels = run(write(mix(read(30), read(length, node_id="2"))))
    held = numbers(30)
    held[length:] = held[min(length, 30) - 1]
    assert np.array_equal(pixels, held)


def test_a_mix_goes_into_a_model_and_a_restyled_stream_meets_its_source() -> None:
    into = write(stylise(mix(read(21), read(50, node_id="3"), balance=0.5)))
    assert np.array_equal(run(into), 255 - numbers(21))
    source = read(21)
    for parents in ((source, stylise(source)), (stylise(source), source)):
        for balance, wanted in ((0.0, parents[0]), (1.0, parents[1])):
            pixels = run(write(mix(*parents, balance=balance)))
            assert np.array_equal(pixels, numbers(21) if wanted == source else 255 - numbers(21))


def test_a_mask_is_a_third_stream_and_mixes_can_be_mixed() -> None:
    a, b = read(9), stylise(read(9))
    white = PlanNode(Mix("mask", 1.0), (a, b, mix(a, b, node_id="6")), "5")
    share = np.round(0.299 * (255 - numbers(9)[..., 0]) + 0.587 * 255 + 0.114 * 248)[..., None] / 255
    wanted = numbers(9) * (1 - share) + (255 - numbers(9)) * share
    assert np.abs(run(write(white)) - wanted).max() <= 2


def test_balance_is_live_frame_by_frame_and_answered() -> None:
    plan = write(mix(read(96), stylise(read(96)), balance=0.0))
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    receipts: list[dict] = []
    session.listen(lambda event: receipts.append(dict(event)))
    session.store.set("5.balance", 0.0, seq=3)
    session.start()
    assert session.join(WAIT) and session.state == "done", session.error
    applied = [receipt for receipt in receipts if receipt["type"] == "applied"]
    assert [(each["key"], each["seq"], each["frame"]) for each in applied] == [("5.balance", 3, 0)]
    assert set(session.store.parameters()) >= {f"5.{name}" for name in ("balance", "inset_x", "inset_size")}


def test_a_fade_glides_from_frame_to_frame() -> None:
    plan = write(mix(read(48, delay=0.01), stylise(read(48)), balance=0.0))
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    session.start()
    while "5.balance" not in session.store.parameters():
        assert not session.wait(0.001)
    session.store.set("5.balance", 1.0, fade=0.5)
    assert session.join(WAIT) and session.state == "done", session.error
    blue = spec_of(plan).sink.pixels[:, 0, 0, 2].astype(int)  # 7 in the source, 248 restyled
    steps = np.diff(blue)
    moving = steps[steps > 0]
    assert blue[-1] == 248 and len(moving) >= 0.5 * FPS - 1
    assert moving.max() <= 241 / (0.5 * float(FPS)) + 2


def test_what_is_mixed_in_and_recorded_ends_with_the_first_stream() -> None:
    second = write(read(1_000_000, node_id="3"), "8", forget=True)
    assert len(run(write(mix(read(20), second)))) == 20
    assert spec_of(second).sink.ended == "closed"


def test_two_streams_of_one_plan_step_together_while_it_stands_still() -> None:
    plan = write(mix(read(400), replace(read(400), node_id="3")), forget=True)
    session = StreamSession(plan, Zoo({}))
    session.pause()
    session.start()
    session.step()
    session.pause(False)
    assert session.join(WAIT) and session.state == "done", session.error
    assert spec_of(plan).sink.frames == 400

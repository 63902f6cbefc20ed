"""A session writes its take, and plays it back: the same values at the same frames."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from runtime_stubs import Behaviour, Zoo, read, spec_of, stylise, write

from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.modulation.modulator import Modulator
from livestyle.engine.runtime.plan import PlanNode, Write, stylised
from livestyle.engine.runtime.residency import OwnResidency
from livestyle.engine.runtime.session import StreamSession
from livestyle.engine.takes.replay import playing, remarks
from livestyle.engine.takes.take import Take, load_take

WAIT = 60.0


def to_file(plan: PlanNode, path: Path) -> PlanNode:
    spec = SinkSpec(str(path), keep_last=999, keep_take=True)
    return replace(plan, operation=Write(spec))


def play(
    path: Path, behaviour: Behaviour, take: Take | None = None, length: int = 40, delay: float = 0.0
) -> StreamSession:
    plan = to_file(write(stylise(read(length, delay=delay, size=(32, 24)))), path)
    if take is not None:
        plan = playing(plan, take, path.parent)
    session = StreamSession(plan, Zoo({"stub": behaviour}), take=take)
    session.start()
    return session


def ended(session: StreamSession) -> np.ndarray:
    assert session.wait(WAIT) and session.join(WAIT)
    assert session.state == "done", session.error
    tail = session.take_result("9").tail
    assert tail is not None
    return tail


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, Behaviour, np.ndarray]:
    """A run of 40 frames in which strength, seed and prompt were changed."""
    gate = threading.Event()
    behaviour = Behaviour(gates={"decode": gate})
    session = play(tmp_path / "a.mp4", behaviour)
    assert behaviour.reached("decode", 0)
    session.store.set("2.strength", 0.5)
    session.store.set("p.prompt", "ink")
    gate.set()
    return tmp_path, behaviour, ended(session)


def test_a_take_gives_every_chunk_the_values_that_it_had(recorded) -> None:
    folder, behaviour, pictures = recorded
    take = load_take(folder / "a.take.jsonl")
    assert set(take.lanes) == {"2.strength", "p.prompt"} and take.end == 40
    again = Behaviour()
    replayed = ended(play(folder / "b.mp4", again, take))
    assert np.array_equal(replayed, pictures)
    assert again.late == behaviour.late
    early = [[live[key] for key in ("2.seed", "p.prompt")] for live in behaviour.live]
    assert [[live[key] for key in ("2.seed", "p.prompt")] for live in again.live] == early
    assert load_take(folder / "b.take.jsonl").lanes == take.lanes


def test_other_chunks_never_change_before_their_frame(recorded) -> None:
    folder, _, _ = recorded
    take = load_take(folder / "a.take.jsonl")
    (frame,) = take.lanes["p.prompt"].frames
    again = Behaviour(first=1, chunk_frames=7)
    ended(play(folder / "b.mp4", again, take))
    starts = [0, *range(1, 40, 7)]
    assert [live["p.prompt"] for live in again.live] == ["" if at < frame else "ink" for at in starts]


def test_a_hand_takes_one_key_over_while_the_others_play(recorded) -> None:
    folder, _, _ = recorded
    take = load_take(folder / "a.take.jsonl")
    gate = threading.Event()
    again = Behaviour(gates={"denoise": gate})
    session = play(folder / "b.mp4", again, take)
    assert again.reached("denoise", 0)
    assert set(session.store.played()) == {"2.strength", "p.prompt"}
    session.store.set("2.strength", 0.125)
    assert session.store.played() == ["p.prompt"]
    gate.set()
    ended(session)
    overdubbed = load_take(folder / "b.take.jsonl")
    assert overdubbed.lanes["p.prompt"] == take.lanes["p.prompt"]
    assert overdubbed.lanes["2.strength"].values[-1] == 0.125


def test_what_a_modulator_made_is_played_and_told_again(tmp_path: Path) -> None:
    """A microphone is gone when the take plays, so what it moved is not made again."""
    microphone = Modulator("level", 0.25, 0.75, ear="microphone")
    sine = Modulator("sine", 0.5, 0.25, rate=3.3)
    gate = threading.Event()
    behaviour = Behaviour(gates={"decode": gate})
    session = play(tmp_path / "a.mp4", behaviour)
    assert behaviour.reached("decode", 0)
    session.store.set("2.strength", 0.875)
    session.store.signals.hear(np.random.default_rng(0).normal(0, 0.2, 24_000).astype(np.float32))
    session.store.modulate("2.strength", microphone)
    session.store.modulate("2.seed", replace(sine, offset=50, depth=40))
    gate.set()
    pictures = ended(session)
    take = load_take(tmp_path / "a.take.jsonl")
    (told,) = take.lanes["2.strength"].turns
    assert told[1] == microphone and take.lanes["2.seed"].modulator is not None
    assert len(set(take.lanes["2.seed"].values)) > 3

    again = Behaviour()
    session = play(tmp_path / "b.mp4", again, take)
    assert np.array_equal(ended(session), pictures)
    assert again.late == behaviour.late
    assert load_take(tmp_path / "b.take.jsonl").lanes == take.lanes
    assert session.store.modulators()["2.strength"] == microphone
    assert session.store.resting()["2.strength"] == 1.0  # at 0.875 no chunk has been made


def test_a_take_ends_where_it_was_stopped_and_begins_where_it_was_recorded(recorded) -> None:
    folder, _, pictures = recorded
    take = replace(load_take(folder / "a.take.jsonl"), first=6, end=22)
    assert np.array_equal(ended(play(folder / "b.mp4", Behaviour(), take)), pictures[6:22])
    again = load_take(folder / "b.take.jsonl")
    assert (again.first, again.end, again.lanes["p.prompt"]) == (6, 22, take.lanes["p.prompt"])


def test_a_take_that_does_not_fit_ends_the_run_in_one_line(recorded) -> None:
    folder, _, _ = recorded
    take = load_take(folder / "a.take.jsonl")
    take.lanes["2.strength"].values[0] = 7.0
    session = play(folder / "b.mp4", Behaviour(), take)
    assert session.wait(WAIT) and session.join(WAIT)
    assert "doesn't fit this graph: strength is 7.0: use 1.0 or less" in str(session.error)


def test_a_run_that_nobody_touches_leaves_no_take(tmp_path: Path) -> None:
    ended(play(tmp_path / "a.mp4", Behaviour()))
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("touched", [True, False])
def test_a_take_ends_where_a_model_is_swapped(tmp_path: Path, touched: bool) -> None:
    source = read(40, block_at=14, size=(32, 24))
    plan = to_file(write(stylise(source)), tmp_path / "a.mp4")
    behaviour = Behaviour(gates={"decode": threading.Event()})
    session = StreamSession(plan, Zoo({"stub": behaviour, "other": Behaviour()}))
    session.start()
    assert behaviour.reached("decode", 0)
    if touched:
        session.store.set("2.strength", 0.5)
    behaviour.gates["decode"].set()
    while session.progress.done < 12:
        assert not session.wait(0.002)
    frames = []

    def at_border(node: PlanNode, frame: int) -> None:
        frames.append(frame)
        session.store.taken.swap(frame, "other (checkpoint)")
        session.store.set("2.strength", 1.0)

    residency = OwnResidency(torch.device("cpu"))
    swap = session.swap({"2": stylised(stylise(None, "2", "other"))}, residency, at_border)
    assert swap.wait(WAIT) and swap.error is None
    spec_of(source).unblock.set()
    whole = ended(session)
    take = load_take(tmp_path / "a.take.jsonl")
    assert (take.end, take.swapped) == (frames[0], "other (checkpoint)") and len(whole) == 40
    assert [change.value for change in take.changes()] == [0.5] * touched
    assert "other (checkpoint) was swapped in" in remarks(plan, take)[0]
    again = ended(play(tmp_path / "b.mp4", Behaviour(), take))
    assert np.array_equal(again, whole[: take.end])

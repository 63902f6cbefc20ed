"""Modulators in the store and in a session: who wins, what is told, and a file that renders the same."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from beat_clips import flash_and_beep
from hypothesis import given
from hypothesis import strategies as st
from runtime_stubs import Behaviour, Zoo, spec_of, stylise, write

from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import LiveParameter
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.modulation.modulator import Modulator
from livestyle.engine.runtime.parameters import ParameterStore
from livestyle.engine.runtime.plan import PlanNode, Read
from livestyle.engine.runtime.session import StreamSession
from livestyle.engine.takes.lane import Lane

KEY, WAIT = "2.strength", 60.0
SPECS = (
    LiveParameter(KEY, "float", 1.0, 0.0, 1.0, late=True),
    LiveParameter("2.seed", "int", 7, 0, 100),
    LiveParameter("5.prompt", "text", "oil", maximum=20),
    LiveParameter("6.steps", "int", 4, check=lambda value: None),
)
SINE = Modulator("sine", 0.5, 0.25)
BEATS = [0.4, 1.0, 1.6]


def make() -> tuple[ParameterStore, list[dict]]:
    receipts: list[dict] = []
    return ParameterStore(SPECS, receipts.append), receipts


def at(store: ParameterStore, seconds: float, key: str = KEY) -> float:
    return store.snapshot(Fraction(seconds))[key]


def of_type(receipts: list[dict], kind: str) -> list[dict]:
    return [receipt for receipt in receipts if receipt["type"] == kind]


def play(clip: Path, modulator: Modulator, chunk: int = 4) -> tuple[np.ndarray, dict[int, float]]:
    """The pictures that a file becomes, and the strength by the frame that a chunk began with."""
    behaviour = Behaviour(first=chunk, chunk_frames=chunk)
    plan = write(stylise(PlanNode(Read(SourceSpec("file", str(clip))), (), "1")))
    session = StreamSession(plan, Zoo({"stub": behaviour}))
    session.store.modulate(KEY, modulator)
    session.start()
    assert session.wait(WAIT) and session.state == "done", session.error
    strengths = {index * chunk: late[KEY] for index, late in enumerate(behaviour.late)}
    return spec_of(plan).sink.pixels, strengths


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flash_and_beep(tmp_path_factory.mktemp("beats") / "beats.mp4", BEATS, seconds=2.4)


def test_a_wave_moves_a_number_by_the_streams_time():
    store, receipts = make()
    store.modulate(KEY, SINE, seq=4)
    told = of_type(receipts, "received")[0]
    assert told["seq"] == 4 and told["value"] == 1.0 and told["modulator"]["signal"] == "sine"
    assert [round(at(store, moment), 6) for moment in (0, 0.25, 0.5, 0.75, 10.25)] == [
        0.5,
        0.75,
        0.5,
        0.25,
        0.75,
    ]
    assert [each["value"] for each in of_type(receipts, "modulated")][:2] == [0.75, 0.5]
    assert store.snapshot()[KEY] == 0.75 and store.resting()[KEY] == 1.0


def test_it_is_applied_once():
    store, receipts = make()
    store.modulate(KEY, SINE, seq=4)
    for chunk in range(3):
        pts = Fraction(chunk, 5)
        store.applied([KEY], store.snapshot(pts), store.late(pts), chunk, chunk * 5, pts)
    applied = of_type(receipts, "applied")
    assert len(applied) == 1 and applied[0]["chunk"] == 0 and applied[0]["seq"] == 4


@pytest.mark.parametrize("fade", [0.0, 1.0])
def test_who_sets_the_number_has_it(fade: float):
    store, receipts = make()
    store.modulate(KEY, SINE)
    at(store, 0.25)
    store.set(KEY, 0.1, fade=fade)
    assert not store.modulators() and at(store, 0.5) == (0.75 if fade else 0.1)
    assert at(store, 2.0) == 0.1
    assert "modulator" not in of_type(receipts, "received")[-1]


def test_a_take_shows_a_modulated_number_as_one_and_who_moves_it_has_it():
    lane = Lane(1.0)
    for frame, value, modulator in ((4, 0.6, None), (8, 0.5, SINE), (12, 0.75, SINE), (16, 0.6, None)):
        lane.add(frame, frame / 24, value, modulator)
    receipts: list[dict] = []
    store = ParameterStore(SPECS, receipts.append, {KEY: lane})
    seen = []
    for frame in range(0, 20, 4):
        value = store.late(Fraction(frame, 24), frame, [KEY])[KEY]
        seen.append((value, store.resting()[KEY], store.modulators().get(KEY)))
    assert seen == [(1.0, 1.0, None), (0.6, 0.6, None), (0.5, 0.6, SINE), (0.75, 0.6, SINE), (0.6, 0.6, None)]
    assert [each["value"] for each in of_type(receipts, "gliding")] == [0.6, 0.6]
    assert [each["value"] for each in of_type(receipts, "modulated")] == [0.5, 0.75]
    assert store.taken.lanes[KEY] == lane
    store.modulate(KEY, None)
    assert not store.played() and store.resting()[KEY] == 0.6


def test_a_modulator_ends_a_fade_and_without_it_the_number_is_what_was_set():
    store, receipts = make()
    store.set(KEY, 0.0, fade=2.0)
    store.modulate(KEY, SINE)
    assert at(store, 0.25) == pytest.approx(0.75)
    store.modulate(KEY, None)
    assert at(store, 0.5) == 0.0
    assert of_type(receipts, "received")[-1]["modulator"] is None


def test_a_wave_goes_on_where_it_was_when_its_rate_is_turned():
    store, _ = make()
    store.modulate(KEY, SINE)
    before = at(store, 100.1)
    for rate in np.linspace(1, 2, 300):
        store.modulate(KEY, replace(SINE, rate=float(rate)))
    assert at(store, 100.1) == pytest.approx(before)
    # An earlier chunk is still being denoised.
    assert store.late(Fraction(100.0))[KEY] == pytest.approx(0.5 + 0.25 * np.sin(2 * np.pi * -0.1), abs=1e-3)


@given(
    st.sampled_from([KEY, "2.seed"]), st.floats(0, 1), st.floats(-1e9, 1e9), st.floats(0, 5), st.floats(0, 99)
)
def test_no_modulator_leaves_the_numbers_bounds(key, offset, depth, smoothing, moment):
    store, _ = make()
    store.modulate(key, Modulator("random", offset, depth, smoothing=smoothing))
    value = at(store, moment, key)
    assert 0 <= value <= (1 if key == KEY else 100)
    assert isinstance(value, float if key == KEY else int)


@pytest.mark.parametrize(
    ("key", "modulator", "line"),
    [
        ("5.prompt", SINE, "can't be modulated"),
        ("6.steps", SINE, "can't be modulated"),
        ("8.strength", SINE, "not a live setting"),
        (KEY, replace(SINE, offset=2.0), "from 0 to 1"),
        (KEY, replace(SINE, signal="low"), "no sound"),
        (KEY, replace(SINE, signal="motion"), "no source picture"),
    ],
)
def test_what_can_not_be_is_one_line_and_changes_nothing(key, modulator, line):
    store, receipts = make()
    with pytest.raises(SettingError, match=line):
        store.modulate(key, modulator)
    assert not store.modulators() and not receipts
    held = ParameterStore(None, receipts.append)
    held.modulate(key, modulator)
    held.declare(SPECS)
    assert receipts[0]["type"] == "rejected" and line in receipts[0]["message"]


@pytest.mark.parametrize("modulator", [
    Modulator("random", 0.5, 0.5, rate=3.3, smoothing=0.2),
    Modulator("onset", 0.1, 0.9),
    Modulator("mid", 0.1, 0.9, smoothing=0.1),
    Modulator("brightness", 1.0, -1.0),
])  # fmt: skip
def test_a_file_renders_the_same_each_time(clip: Path, modulator: Modulator):
    first, strengths = play(clip, modulator)
    again, _ = play(clip, modulator)
    assert np.array_equal(first, again)
    assert max(strengths.values()) - min(strengths.values()) > 0.3, "it moves"
    _, by_eights = play(clip, modulator, chunk=8)
    assert by_eights == {frame: strengths[frame] for frame in by_eights}, "a chunk's size changes nothing"


@pytest.mark.parametrize("signal", ["onset", "mid", "brightness"])
def test_strength_rises_with_the_beat(clip: Path, signal: str):
    _, strengths = play(clip, Modulator(signal, 0.0, 1.0), chunk=1)
    # What is heard during a frame is known at the next, which is still lit.
    assert min(strengths[round(begin * 25) + 1] for begin in BEATS) > 0.5
    moments = {frame: frame / 25 for frame in strengths}
    quiet = [frame for frame, now in moments.items() if not any(b <= now <= b + 0.35 for b in BEATS)]
    assert max(strengths[frame] for frame in quiet) < 0.25

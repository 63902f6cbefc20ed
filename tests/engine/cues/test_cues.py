"""Cue lists: what goes when, by the stream's own time, and a file that renders the same."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from runtime_stubs import Behaviour, Zoo, spec_of, stylise, write
from runtime_stubs import read as counted
from two_scenes import make_two_scenes

from livestyle.engine.cues.cue import Cue, CueList
from livestyle.engine.cues.player import CuePlayer
from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import LiveParameter
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.runtime.parameters import ParameterStore
from livestyle.engine.runtime.plan import PlanNode, Read
from livestyle.engine.runtime.session import StreamSession
from livestyle.engine.takes.lane import Lane

FPS, KEY, WAIT = 24, "2.strength", 60.0
SPECS = (LiveParameter(KEY, "float", 1.0, 0.0, 1.0, late=True), LiveParameter("p.prompt", "text", "oil"))


def pts(frame: int) -> Fraction:
    return Fraction(frame, FPS)


def at(player: CuePlayer, *frames: int) -> dict[str, int]:
    """The frames at which cues were played, by name, while chunks began with these frames."""
    played = {}
    for frame in frames:
        played |= {each.cue.name: each.at.frame for each in player.due(frame, pts(frame))}
    return played


def make(*cues: Cue, tempo: float = 120.0, beats: int = 4, cuts: Sequence[int] = ()) -> CuePlayer:
    player = CuePlayer(lambda after: next((pts(cut) for cut in cuts if pts(cut) > after), None))
    player.passed(0, [pts(frame) for frame in range(1000)])
    player.load(CueList(cues, tempo, beats))
    return player


CHUNKS = range(0, 400, 8)


@pytest.mark.parametrize(
    ("when", "after", "frame"),
    [("seconds", 0.5, 12), ("seconds", 0, 0), ("frames", 10, 10), ("bars", 1.5, 72), ("cut", 0, 33)],
)
def test_a_cue_goes_at_the_frame_that_it_waits_for(when, after, frame):
    player = make(Cue("a", {}, when=when, after=after), cuts=(0, 33, 60))
    assert at(player, *CHUNKS) == {"a": frame}


def test_bars_follow_the_tempo():
    player = make(Cue("a", {}, when="bars", after=2), tempo=90, beats=3)
    assert at(player, *CHUNKS) == {"a": 96}


def test_each_counts_from_the_one_before_it_whatever_the_chunks():
    cues = [
        Cue(str(number), {}, when=when, after=7) for number, when in enumerate(("frames", "cut", "frames"))
    ]
    for size in (1, 4, 8, 16):
        assert at(make(*cues, cuts=(5, 20, 90)), *range(0, 64, size)) == {"0": 7, "1": 20, "2": 27}, size


def test_a_hand_goes_back_and_again():
    player = make(Cue("a", {}), Cue("b", {}, when="frames", after=10), Cue("c", {}))
    assert at(player, *range(0, 80, 8)) == {}
    player.go()
    assert at(player, 80, 88, 96) == {"a": 80, "b": 90}
    player.go(-1)
    assert at(player, 104, 112, 120) == {"a": 104, "b": 114}
    player.go()
    assert at(player, 128) == {"c": 128} and player.now == 2
    with pytest.raises(SettingError, match="last cue"):
        player.go()
    with pytest.raises(SettingError, match="no cues"):
        make().go()
    with pytest.raises(SettingError, match="first cue"):
        make(Cue("a", {})).go(-1)


def test_hold_keeps_what_is_left_of_the_wait_but_hands_go_on():
    player = make(
        Cue("a", {}, when="frames", after=20), Cue("b", {}, when="cut"), Cue("c", {}), cuts=(50, 90)
    )
    at(player, 0, 8)
    assert player.status()["due"] == {"frame": 20}
    player.hold(True)
    assert at(player, 16, 24, 32) == {} and player.status()["due"] is None
    player.hold(False)
    assert at(player, 40, 48) == {"a": 44}  # it stood from 16 to 40
    player.hold(True)
    assert at(player, 56, 64) == {}
    player.hold(False)
    assert at(player, 72, 80, 88, 96) == {"b": 90}  # the cut at 50 was waited out
    player.hold(True)
    player.go()
    assert at(player, 104) == {"c": 104}


def test_it_says_what_is_now_and_next():
    player = make(Cue("a", {}), Cue("b", {}, when="bars", after=1))
    expected = {"count": 2, "now": -1, "name": "", "next": "a", "when": "hand", "due": None, "held": False}
    assert player.status() == expected
    player.go()
    at(player, 24)
    assert player.status().items() >= {"now": 0, "name": "a", "next": "b", "due": {"pts": 3.0}}.items()


def read(store: ParameterStore, frame: int) -> tuple[float, str]:
    early = store.snapshot(pts(frame), frame, [KEY, "p.prompt"])
    late = store.late(pts(frame), frame, [KEY, "p.prompt"])
    return late[KEY], early["p.prompt"]


def test_an_earlier_chunk_that_is_still_denoised_keeps_what_was_there():
    receipts: list[dict] = []
    store = ParameterStore(SPECS, receipts.append)
    store.cues.passed(0, [pts(frame) for frame in range(200)])
    store.load_cues(CueList((Cue("a", {KEY: 0.0, "p.prompt": "ink"}, 1.0, "frames", 12),)))
    first = store.snapshot(pts(8), 8, [KEY])
    later = store.snapshot(pts(16), 16, [KEY])
    assert store.late(pts(8), 8, [KEY])[KEY] == 1.0
    assert (first["p.prompt"], later["p.prompt"]) == ("oil", "ink")
    assert store.late(pts(16), 16, [KEY])[KEY] == pytest.approx(1 - 4 / 24)
    assert read(store, 48) == (0.0, "ink")
    told = [receipt for receipt in receipts if receipt["type"] == "received"]
    assert [(each["key"], each["value"], each.get("fade")) for each in told] == [
        (KEY, 0.0, 1.0),
        ("p.prompt", "ink", None),
    ]
    cues = [receipt["cues"]["now"] for receipt in receipts if receipt["type"] == "cues"]
    assert cues == [-1, 0]


def test_a_hand_has_the_number_and_a_cue_that_does_not_fit_is_told():
    receipts: list[dict] = []
    store = ParameterStore(SPECS, receipts.append)
    store.load_cues(CueList((Cue("a", {KEY: 0.0}, 1.0), Cue("b", {KEY: 7, "9.gone": 1, "p.prompt": "ink"}))))
    store.go()
    assert read(store, 0) == (1.0, "oil")
    store.set(KEY, 0.25)
    assert read(store, 24) == (0.25, "oil")
    store.go()
    assert read(store, 48) == (0.25, "ink")
    refused = [receipt["key"] for receipt in receipts if receipt["type"] == "rejected"]
    assert refused == [KEY, "9.gone"]


def test_while_a_take_plays_its_cues_wait_for_a_hand():
    lane = Lane(1.0)
    lane.add(8, 8 / FPS, 0.5)
    store = ParameterStore(SPECS, lambda receipt: None, {KEY: lane})
    store.load_cues(
        CueList((Cue("a", {KEY: 0.0, "p.prompt": "ink"}, when="frames", after=8), Cue("b", {KEY: 0.25})))
    )
    assert [read(store, frame) for frame in (0, 8)] == [(1.0, "oil"), (0.5, "oil")]
    assert store.played() == [KEY] and store.cues.status()["held"]
    store.go()
    assert read(store, 16) == (0.0, "ink") and not store.played()


def play(cues: CueList, chunk: int, source: SourceSpec | None = None) -> tuple[np.ndarray, dict[int, float]]:
    """The pictures of a run, and the strength by the frame that a chunk began with."""
    behaviour = Behaviour(first=chunk, chunk_frames=chunk)
    origin = PlanNode(Read(source), (), "1") if source else counted(length=96)
    plan = write(stylise(origin))
    session = StreamSession(plan, Zoo({"stub": behaviour}))
    session.store.load_cues(cues)
    session.start()
    assert session.wait(WAIT) and session.state == "done", session.error
    return spec_of(plan).sink.pixels, {index * chunk: late[KEY] for index, late in enumerate(behaviour.late)}


def test_a_file_with_cues_renders_the_same_each_time():
    cues = CueList(
        (
            Cue("a", {KEY: 0.5}, when="seconds", after=0),
            Cue("b", {KEY: 0.0}, 1.0, "frames", 20),
            Cue("c", {KEY: 0.75}, when="bars", after=1),
        ),
        tempo=180,
    )
    pixels, strengths = play(cues, 4)
    again, also = play(cues, 4)
    assert np.array_equal(pixels, again) and strengths == also
    wanted = {0: 0.5, 16: 0.5, 20: 0.5, 32: 0.25, 44: 0.0, 48: 0.0, 52: 0.75, 92: 0.75}
    assert {frame: strengths[frame] for frame in wanted} == wanted
    assert play(cues, 8)[1] == {frame: strengths[frame] for frame in range(0, 96, 8)}


def test_a_cue_waits_for_the_next_shot(tmp_path: Path):
    clip = make_two_scenes(tmp_path / "scenes.mp4", 15, 15)
    cues = CueList((Cue("a", {KEY: 0.0}, when="cut"),))
    _, strengths = play(cues, 2, SourceSpec("file", str(clip)))
    assert [frame for frame, strength in strengths.items() if strength == 0.0][0] == 16

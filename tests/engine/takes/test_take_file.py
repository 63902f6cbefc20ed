"""The file of a take: what was written is read, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.modulation.modulator import Modulator
from livestyle.engine.takes.beside import TakeBeside
from livestyle.engine.takes.lane import Lane, Played
from livestyle.engine.takes.log import TakeLog
from livestyle.engine.takes.take import LARGEST_FILE, Take, load_take, parse_take

HEADER = {"format": "livestyle-take", "version": 1, "values": {"4.strength": 1.0, "3.prompt": "oil"}}
CHANGE = {"frame": 8, "pts": 0.5, "key": "4.strength", "value": 0.25}

SINE, LOW = Modulator("sine", 0.5, 0.25), Modulator("low", 0.0, 1.0, smoothing=0.1, ear="microphone")

changes = st.lists(
    st.tuples(
        st.integers(0, 10**6),
        st.one_of(
            st.tuples(st.just("4.strength"), st.floats(0, 1), st.sampled_from([None, SINE, LOW])),
            st.tuples(
                st.just("3.prompt"),
                st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
                st.none(),
            ),
        ),
    ),
    max_size=40,
)


def lines(*data: Any) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in data)


@given(changes, st.integers(0, 99), st.none() | st.integers(0, 10**6))
def test_a_take_reads_as_it_was_written(given_changes, first, end):
    lanes: dict[str, Lane] = {}
    for frame, (key, value, modulator) in sorted(given_changes, key=lambda change: change[0]):
        lanes.setdefault(key, Lane(HEADER["values"][key])).add(frame, frame / 24, value, modulator)
    take = Take({**HEADER, "first": first}, lanes, first, end)
    again = parse_take("".join(f"{line}\n" for line in take.lines()))
    assert (again.lanes, again.first, again.end) == (lanes, first, end)


def test_a_lane_gives_the_latest_change_and_a_played_one_never_goes_back():
    lane = Lane(1.0)
    lane.add(8, 0.5, 0.25)
    lane.add(16, 1.0, 0.75)
    assert [lane.at(frame) for frame in (0, 7, 8, 15, 16, 99)] == [1.0, 1.0, 0.25, 0.25, 0.75, 0.75]
    played = Played(lane)
    assert (played.at(16), played.at(8), played.now) == (0.75, 0.25, 0.75)


def test_a_lane_knows_what_made_its_values_and_what_they_rest_on():
    lane = Lane(1.0)
    for frame, value, modulator in (
        (4, 0.6, None),
        (8, 0.5, SINE),
        (12, 0.75, SINE),
        (16, 0.9, LOW),
        (20, 0.6, None),
    ):
        lane.add(frame, frame / 24, value, modulator)
    assert lane.turns == [(8, SINE), (16, LOW), (20, None)]
    at = (0, 4, 8, 15, 16, 20)
    assert [lane.modulator_at(frame) for frame in at] == [None, None, SINE, SINE, LOW, None]
    assert [lane.resting(frame) for frame in at] == [1.0, 0.6, 0.6, 0.6, 0.6, 0.6]
    played = Played(lane)
    played.at(16)
    assert (played.now, played.modulator, played.resting) == (0.9, LOW, 0.6)
    moved_from_the_start = Lane(1.0)
    moved_from_the_start.add(0, 0.0, 0.5, SINE)
    assert Played(moved_from_the_start).resting == 1.0


def test_a_take_of_before_modulators_were_kept_reads_the_same():
    take = parse_take(lines(HEADER, CHANGE))
    assert take.lanes["4.strength"] == Lane(1.0, [8], [0.5], [0.25]) and not take.lanes["4.strength"].turns


def test_what_a_crash_has_cut_off_is_left_out():
    text = lines(HEADER, CHANGE) + '{"frame": 9, "pts"'
    take = parse_take(text)
    assert take.lanes["4.strength"].frames == [8] and take.end is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Line 1"),
        ("[]\n", "JSON object"),
        (lines({"format": "livestyle-presets", "version": 1}), "no take"),
        (lines({**HEADER, "version": 2}), "version 1"),
        (lines({**HEADER, "version": True}), "version 1"),
        (lines({**HEADER, "values": [1]}), "values"),
        (lines({**HEADER, "values": {"nokey": 1}}), "node id"),
        (lines({**HEADER, "first": -1}), "first"),
        (lines(HEADER, {**CHANGE, "frame": 1.5}), "frame"),
        (lines(HEADER, {**CHANGE, "frame": 10**12}), "frame"),
        (lines(HEADER, {**CHANGE, "pts": float("nan")}), "pts"),
        (lines(HEADER, {**CHANGE, "pts": "now"}), "pts"),
        (lines(HEADER, {**CHANGE, "value": float("inf")}), "number"),
        (lines(HEADER, {**CHANGE, "value": 10**400}), "number"),
        (lines(HEADER, {**CHANGE, "value": [1]}), "number"),
        (lines(HEADER, {**CHANGE, "value": True}), "number"),
        (lines(HEADER, {**CHANGE, "value": "much"}), "numbers and text"),
        (lines(HEADER, {**CHANGE, "key": "3.prompt", "value": "\ud800"}), "whole characters"),
        (lines(HEADER, {**CHANGE, "key": "3.prompt", "value": "x" * 5000}), "whole characters"),
        (lines(HEADER, {**CHANGE, "key": "../../etc.x"}), "no value"),
        (lines(HEADER, {**CHANGE, "modulator": "sine"}), "Line 2 of the take: A modulator must be"),
        (
            lines(HEADER, {**CHANGE, "modulator": {"signal": "sine", "offset": 0}}),
            "Line 2 of the take: A mod",
        ),
        (lines(HEADER, {**CHANGE, "key": 7}), "node id"),
        (lines(HEADER, CHANGE, {**CHANGE, "frame": 4}), "after"),
        (lines(HEADER, {"end": "never"}), "end"),
        (f"{lines(HEADER)}{'[' * 100_000}\n", "not JSON"),
        (lines(HEADER) + "{}\n" * 100_010, "changes"),
    ],
)
def test_what_is_no_take_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(SettingError) as refused:
        parse_take(text)
    assert told in str(refused.value) and "\n" not in str(refused.value)


@given(st.text(max_size=200))
def test_nothing_but_a_line_comes_of_any_text(text):
    try:
        parse_take(text)
    except SettingError:
        pass


def test_files_that_cannot_be_takes(tmp_path: Path) -> None:
    odd, large = tmp_path / "odd.take.jsonl", tmp_path / "large.take.jsonl"
    odd.write_bytes(b"\xff\xfe\x00")
    with large.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    for path, told in ((odd, "no take"), (large, "32 MB"), (tmp_path / "gone", "can't be read")):
        with pytest.raises(SettingError, match=told):
            load_take(path)


def test_the_file_appears_with_the_first_change_and_has_those_before_it(tmp_path: Path) -> None:
    taken = TakeLog()
    taken.begin({"4.strength": 1.0, "3.prompt": "oil"})
    beside = TakeBeside(tmp_path / "clip.mp4", taken, lambda: {"size": [64, 48]}, first=16)
    beside.write()
    assert not list(tmp_path.iterdir())
    for frame, value in ((0, 1.0), (8, 0.5), (16, 0.5), (24, 0.25)):
        assert taken.read("4.strength", value, frame, None) == value
    beside.write()
    # As a process that is killed now leaves it.
    cut_off = load_take(tmp_path / "clip.take.jsonl")
    assert cut_off.lanes == {"4.strength": Lane(1.0, [8, 24], [0.0, 0.0], [0.5, 0.25])}
    assert (cut_off.first, cut_off.end, cut_off.header["size"]) == (16, None, [64, 48])
    beside.close(40)
    assert load_take(tmp_path / "clip.take.jsonl").end == 40


def test_the_file_says_what_moved_a_number_once(tmp_path: Path) -> None:
    taken = TakeLog()
    taken.begin({"4.strength": 1.0})
    beside = TakeBeside(tmp_path / "clip.mp4", taken, dict, first=0)
    for frame, value, modulator in ((0, 1.0, SINE), (8, 0.5, SINE), (16, 0.25, LOW), (24, 0.25, None)):
        taken.read("4.strength", value, frame, None, modulator)
        beside.write()
    beside.close(32)
    text = (tmp_path / "clip.take.jsonl").read_text(encoding="utf-8")
    told = [json.loads(line) for line in text.splitlines()[1:-1]]
    assert [line.get("modulator", "same") for line in told] == [asdict(SINE), "same", asdict(LOW), None]
    assert parse_take(text).lanes == taken.lanes


def test_another_branch_reads_what_the_first_one_read() -> None:
    taken = TakeLog()
    taken.begin({"3.prompt": "oil"})
    assert taken.read("3.prompt", "oil", 8, None) == "oil"
    # Changed now: the branch that lags behind still gets the old one for this frame.
    assert taken.read("3.prompt", "ink", 8, None) == "oil"
    assert taken.read("3.prompt", "ink", 16, None) == "ink"
    assert [change.frame for change in taken.changes] == [16]


def test_another_source_ends_a_take_that_has_what_earlier_frames_read_later(tmp_path: Path) -> None:
    taken = TakeLog()
    taken.begin({"4.strength": 1.0})
    beside = TakeBeside(tmp_path / "clip.mp4", taken, dict, first=0)
    taken.swap(16, "the source b.mp4", done=False)  # read ahead of the frames that are made
    for frame, value in ((0, 1.0), (8, 0.5), (16, 0.25)):
        taken.read("4.strength", value, frame, None)
        beside.write()
    beside.close(40)
    take = load_take(tmp_path / "clip.take.jsonl")
    assert (take.end, take.swapped) == (16, "the source b.mp4")
    assert take.lanes == {"4.strength": Lane(1.0, [8], [0.0], [0.5])}

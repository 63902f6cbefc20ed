"""ParameterStore: validation, order of receipts, latest wins."""

from __future__ import annotations

import json
import threading
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import LiveParameter
from livestyle.engine.runtime.live_values import Receipt
from livestyle.engine.runtime.parameters import HELD_LIMIT, ParameterStore

STRENGTH = LiveParameter("2.strength", "float", 1.0, 0.0, 1.0, late=True)
SEED = LiveParameter("2.seed", "int", 7, 0, 2**64 - 1)
PROMPT = LiveParameter("5.prompt", "text", "oil", maximum=20)
SPECS = (STRENGTH, SEED, PROMPT)
KEYS = tuple(spec.key for spec in SPECS)

changes = st.one_of(
    st.tuples(st.just("2.strength"), st.floats(0, 1)),
    st.tuples(st.just("2.seed"), st.integers(0, 2**64 - 1)),
    st.tuples(st.just("5.prompt"), st.text(max_size=20)),
)


def make() -> tuple[ParameterStore, list[Receipt]]:
    receipts: list[Receipt] = []
    return ParameterStore(SPECS, receipts.append), receipts


def show(store: ParameterStore, chunk: int) -> None:
    """What a pipeline does with a chunk that reads everything at one moment."""
    store.applied(KEYS, store.snapshot(), store.late(), chunk, chunk * 4, Fraction(chunk, 6))


def test_defaults_come_first():
    store, receipts = make()
    assert dict(store.snapshot()) == {"2.strength": 1.0, "2.seed": 7, "5.prompt": "oil"}
    assert dict(store.late()) == {"2.strength": 1.0}
    show(store, 0)
    assert receipts == []


@given(st.lists(st.one_of(changes, st.none()), max_size=60))
def test_latest_wins_and_receipts_are_monotonic(events):
    store, receipts = make()
    expected = dict(store.snapshot())
    chunk = 0
    for event in events:
        if event is None:
            show(store, chunk)
            chunk += 1
        else:
            store.set(*event)
            expected[event[0]] = event[1]
        assert dict(store.snapshot()) == expected
    show(store, chunk)
    for key in KEYS:
        received = [receipt["seq"] for receipt in receipts if receipt["key"] == key and is_received(receipt)]
        applied = [receipt for receipt in receipts if receipt["key"] == key and not is_received(receipt)]
        numbers = [receipt["seq"] for receipt in applied]
        assert received == sorted(set(received))
        assert numbers == sorted(set(numbers)) and set(numbers) <= set(received)
        assert [receipt["frame"] for receipt in applied] == sorted({receipt["frame"] for receipt in applied})
        assert received[-1:] == numbers[-1:]


def is_received(receipt: Receipt) -> bool:
    return receipt["type"] == "received"


def test_receipts_are_json_and_carry_the_senders_number():
    store, receipts = make()
    returned = store.set("2.strength", 0.25, seq=41)
    show(store, 3)
    assert returned == receipts[0] == {"type": "received", "key": "2.strength", "seq": 41, "value": 0.25}
    assert receipts[1].items() >= {
        "type": "applied", "key": "2.strength", "seq": 41, "chunk": 3, "frame": 12, "pts": 0.5
    }.items()  # fmt: skip
    assert receipts[1]["ms"] >= 0
    json.dumps(receipts)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("2.strength", 1.5, "strength is 1.5: use 1.0 or less."),
        ("2.strength", -0.1, "strength is -0.1: use 0.0 or more."),
        ("2.strength", float("nan"), "strength must be a number."),
        ("2.strength", float("inf"), "strength must be a number."),
        ("2.strength", True, "strength must be a number."),
        ("2.strength", "1", "strength must be a number."),
        ("2.strength", None, "strength must be a number."),
        ("2.seed", 1.5, "seed must be a whole number: use 2."),
        ("2.seed", -1, "seed is -1: use 0 or more."),
        ("5.prompt", 3, "prompt must be text."),
        ("5.prompt", "x" * 21, "prompt has 21 characters: shorten it to 20."),
        ("9.nothing", 1, "9.nothing is not a live setting of this run."),
    ],
)
def test_bad_values_change_nothing(key, value, line):
    store, receipts = make()
    before = dict(store.snapshot())
    with pytest.raises(SettingError) as caught:
        store.set(key, value)
    assert str(caught.value) == line
    assert dict(store.snapshot()) == before and receipts == []


def test_whole_floats_are_good_for_whole_numbers():
    store, _ = make()
    store.set("2.seed", 12.0)
    assert store.snapshot()["2.seed"] == 12 and isinstance(store.snapshot()["2.seed"], int)


def test_a_snapshot_does_not_change():
    store, _ = make()
    snapshot = store.snapshot()
    store.set("2.seed", 8)
    assert snapshot["2.seed"] == 7


def test_many_writers_and_a_reader_agree_in_the_end():
    store, receipts = make()

    def turn(key: str, value: float) -> None:
        for step in range(200):
            store.set(key, value if step == 199 else step % 2)

    threads = [
        threading.Thread(target=turn, args=args)
        for args in (("2.strength", 0.5), ("2.seed", 99), ("2.strength", 0.5))
    ]
    for thread in threads:
        thread.start()
    chunk = 0
    while any(thread.is_alive() for thread in threads):
        show(store, chunk)
        chunk += 1
    for thread in threads:
        thread.join()
    show(store, chunk)
    assert store.snapshot()["2.strength"] == 0.5 and store.snapshot()["2.seed"] == 99
    applied = [receipt["seq"] for receipt in receipts if not is_received(receipt)]
    received = [receipt["seq"] for receipt in receipts if is_received(receipt)]
    assert received == list(range(1, 601))
    assert len(applied) == len(set(applied))


def test_changes_before_the_model_is_there_are_held():
    receipts: list[Receipt] = []
    store = ParameterStore(None, receipts.append)
    store.set("5.prompt", "ink", seq=1)
    store.set("2.strength", 7, seq=2)
    store.set("nobody.knows", 1, seq=3)
    store.declare(SPECS)
    assert dict(store.snapshot()) == {"2.strength": 1.0, "2.seed": 7, "5.prompt": "ink"}
    show(store, 0)
    assert [(receipt["type"], receipt["seq"]) for receipt in receipts] == [
        ("received", 1), ("received", 2), ("received", 3), ("rejected", 2), ("rejected", 3), ("applied", 1)
    ]  # fmt: skip
    assert receipts[3]["message"] == "strength is 7: use 1.0 or less."


def test_held_changes_are_bounded():
    store = ParameterStore(None, lambda receipt: None)
    for number in range(HELD_LIMIT):
        store.set(f"{number}.x", 1)
    store.set("0.x", 2)
    with pytest.raises(SettingError, match="wait until the model is loaded"):
        store.set("one.more", 1)


def test_a_number_glides_with_the_stream_and_is_applied_at_its_end():
    store, receipts = make()
    store.set("2.strength", 0.0, seq=3, fade=2.0)
    assert receipts[0]["fade"] == 2.0 and store.snapshot()["2.strength"] == 1.0
    shown = []
    for second in (5, 6, Fraction(13, 2), 7, 8):
        pts = Fraction(second)
        early, late = store.snapshot(pts), store.late(pts)
        shown.append(late["2.strength"])
        store.applied(KEYS, early, late, second, 0, pts)
    assert shown == [1.0, 0.5, 0.25, 0.0, 0.0]
    assert [entry["value"] for entry in receipts if entry["type"] == "gliding"] == [0.5, 0.25, 0.0]
    applied = [entry for entry in receipts if entry["type"] == "applied"]
    assert [(entry["seq"], entry["pts"]) for entry in applied] == [(3, 7.0)]


def test_an_earlier_chunk_reads_its_own_moment_and_what_is_shown_does_not_go_back():
    store, receipts = make()
    store.set("2.strength", 0.0, fade=1.0)
    for pts in (Fraction(0), Fraction(1, 2), Fraction(3, 4)):
        store.snapshot(pts)
    assert store.late(Fraction(1, 4))["2.strength"] == 0.75
    assert store.snapshot()["2.strength"] == 0.25
    assert [entry["value"] for entry in receipts if entry["type"] == "gliding"] == [0.5, 0.25]


def test_a_later_change_ends_a_glide_where_it_is():
    store, _ = make()
    store.set("2.strength", 0.0, fade=1.0)
    store.snapshot(Fraction(0))
    store.snapshot(Fraction(1, 2))
    store.set("2.strength", 1.0, fade=1.0)
    assert store.snapshot(Fraction(3, 4))["2.strength"] == 0.5  # begins here
    store.set("2.strength", 0.125)
    assert store.snapshot(Fraction(1))["2.strength"] == 0.125


@pytest.mark.parametrize("fade", [-1, 601, float("nan"), "2", None, True])
def test_a_wrong_fade_changes_nothing(fade):
    store, receipts = make()
    with pytest.raises(SettingError, match="fade"):
        store.set("2.strength", 0.5, fade=fade)
    assert receipts == [] and store.snapshot()["2.strength"] == 1.0


def test_a_recall_changes_what_it_can_and_names_the_rest():
    store, _ = make()
    changed, refused = store.recall({"2.strength": 0.0, "2.seed": 9, "5.prompt": "ink", "8.x": 1}, fade=1.0)
    assert [entry["key"] for entry in changed] == ["2.strength", "2.seed", "5.prompt"]
    assert list(refused) == ["8.x"]
    now = store.snapshot(Fraction(0))
    assert dict(now) == {"2.strength": 1.0, "2.seed": 9, "5.prompt": "ink"}  # whole numbers and text switch

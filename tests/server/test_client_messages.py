"""What a page may say: nothing that arrives can do worse than be refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.runtime.preview_picture import PreviewWish
from livestyle.server.client_messages import (
    KINDS,
    Camera,
    Change,
    Clock,
    Credit,
    Message,
    PauseStream,
    PreviewSettings,
    Record,
    Step,
    parse,
)
from livestyle.server.rate_limit import RateLimit

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        "type",
        "n",
        "key",
        "value",
        "seq",
        "max_side",
        "quality",
        "source",
        "fps",
        "at",
        "node",
        "state",
        "reason",
        "on",
    ]
)
TYPED = st.fixed_dictionaries({"type": st.sampled_from(KINDS)})


def _refused_or_understood(text: str) -> None:
    try:
        assert isinstance(parse(text), Message)
    except SettingError as error:
        assert "\n" not in str(error)


@given(st.text())
def test_any_text(text: str) -> None:
    _refused_or_understood(text)


@given(TYPED, st.dictionaries(FIELDS, JSON))
def test_any_fields(kind: dict, fields: dict) -> None:
    _refused_or_understood(json.dumps({**fields, **kind}))


def test_what_is_understood() -> None:
    assert parse('{"type": "credit", "n": 3}') == Credit(3)
    assert parse('{"type": "set", "key": "4.seed", "value": 5, "seq": 9}') == Change("4.seed", 5, 9)
    assert parse('{"type": "set", "key": "3.prompt", "value": "ink"}') == Change("3.prompt", "ink", None)
    assert parse('{"type": "preview", "max_side": 512, "quality": 80}') == PreviewSettings(
        PreviewWish(512, 80)
    )
    parts = {"max_side": 256, "quality": 60, "source": True, "fps": 1}
    assert parse(json.dumps({"type": "preview", **parts})) == PreviewSettings(PreviewWish(256, 60, True, 1.0))
    assert parse('{"type": "clock", "at": 12.5}') == Clock(12.5)
    assert parse('{"type": "camera", "node": "1", "state": "ready"}') == Camera("1", "ready", "")
    gone = {"type": "camera", "node": "1", "state": "gone", "reason": "two\nlines"}
    assert parse(json.dumps(gone)) == Camera("1", "gone", "two lines")
    assert parse('{"type": "record", "node": "5", "on": false}') == Record("5", False)
    assert parse('{"type": "pause", "on": true}') == PauseStream(True) and parse('{"type": "step"}') == Step()


def test_a_rate_limit_counts_by_the_second() -> None:
    now = [0.0]
    rate = RateLimit(2, clock=lambda: now[0])
    assert [rate.admit() for _ in range(4)] == [True, True, False, False]
    now[0] = 1.0
    assert rate.admit()


def test_a_rate_limit_is_exceeded_once_a_second() -> None:
    rate = RateLimit(1, clock=lambda: 0.0)
    exceeded = []
    for _ in range(4):
        rate.admit()
        exceeded.append(rate.just_exceeded)
    assert exceeded == [False, True, False, False]


@pytest.mark.parametrize("value", [1, 0.5, "text"])
def test_values_keep_their_type(value: object) -> None:
    change = parse(json.dumps({"type": "set", "key": "a.b", "value": value}))
    assert isinstance(change, Change) and change.value == value and type(change.value) is type(value)

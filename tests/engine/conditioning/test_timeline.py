"""Which style plays when."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.conditioning.blend import blend_weight, interpolate
from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import (
    Moment,
    StyleTimeline,
    TimelineCursor,
    Trigger,
    only_style,
    parse_schedule,
)
from livestyle.engine.errors import SettingError

STYLES = tuple(ConditioningRecipe(name, node_id=name) for name in ("one", "two", "three"))
FPS = 10


def timeline(schedule: str = "", **options) -> StyleTimeline:
    return StyleTimeline(STYLES, triggers=parse_schedule(schedule, len(STYLES)), **options)


def play(
    cursor: TimelineCursor, frames: int, chunk: int = 4, cuts: tuple[int, ...] = (), active=None
) -> list[Moment]:
    moments = []
    for first in range(0, frames, chunk):
        pts = [Fraction(index, FPS) for index in range(first, min(first + chunk, frames))]
        inside = [cut - first for cut in cuts]
        moments += cursor.advance(first, pts, inside, (active or {}).get(first // chunk))
    return moments


def styles(moments: list[Moment]) -> str:
    return "".join(str(moment.style) for moment in moments)


def test_a_schedule_is_read() -> None:
    assert parse_schedule(" 0:1, 120 : 2;8.5s:3,\nCUT:next, 600:loop,", 3) == (
        Trigger("frame", Fraction(0), 1),
        Trigger("frame", Fraction(120), 2),
        Trigger("seconds", Fraction(17, 2), 3),
        Trigger("cut", Fraction(0), "next"),
        Trigger("frame", Fraction(600), "loop"),
    )
    assert parse_schedule("  ", 1) == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("12", "'12' can't be read"),
        ("1.5:2", "'1.5:2' can't be read"),
        ("cut:9", "asks for style 9, connected are 1 to 3"),
        ("3:0", "asks for style 0"),
        ("0:loop", "would loop for ever"),
        ("cut:loop", "would loop for ever"),
        ("-3:1", "can't be read"),
    ],
)
def test_a_wrong_schedule_is_refused_in_one_line(text: str, line: str) -> None:
    with pytest.raises(SettingError, match=line) as refused:
        parse_schedule(text, 3)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_schedule(text, 3)
    except SettingError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("chunk", [1, 4, 7])
def test_frames_and_seconds_switch_exactly_whatever_the_chunk(chunk: int) -> None:
    moments = play(TimelineCursor(timeline("0:2, 5:3, 0.9s:1")), 12, chunk)
    assert styles(moments) == "222223333111"
    assert [number for number, moment in enumerate(moments) if moment.scheduled] == [0, 5, 9]


def test_cuts_take_the_next_style_and_go_round() -> None:
    assert styles(play(TimelineCursor(timeline("cut:next")), 12, cuts=(2, 5, 9))) == "112223333111"


def test_a_loop_starts_the_schedule_over() -> None:
    assert styles(play(TimelineCursor(timeline("0:1, 2:2, 0.4s:3, 6:loop")), 18)) == "112233" * 3


def test_the_latest_of_hand_and_schedule_wins() -> None:
    cursor = TimelineCursor(timeline("6:3"))
    assert styles(play(cursor, 16, active={0: 1, 1: 2, 2: 2, 3: 1})) == "1111223333331111"


def test_a_change_by_hand_is_not_announced_as_scheduled() -> None:
    moments = play(TimelineCursor(timeline()), 8, active={1: 3})
    assert styles(moments) == "11113333" and not any(moment.scheduled for moment in moments)


def test_a_blend_passes_frame_by_frame_inside_a_chunk() -> None:
    moments = play(TimelineCursor(timeline("2:2", policy="blend", blend_frames=3)), 8, chunk=8)
    shares = [dict(moment.mix).get(2, 0.0) for moment in moments]
    assert shares == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1, 1])
    assert all(sum(dict(moment.mix).values()) == pytest.approx(1) for moment in moments)


def test_a_switch_during_a_blend_goes_on_from_where_it_was() -> None:
    moments = play(TimelineCursor(timeline("1:2, 3:3", policy="blend", blend_frames=3)), 8)
    assert dict(moments[2].mix) == pytest.approx({1: 0.5, 2: 0.5})
    assert dict(moments[3].mix) == pytest.approx({1: 0.1875, 2: 0.5625, 3: 0.25})
    assert moments[6].mix == ((3, 1.0),)


def test_other_policies_switch_at_once() -> None:
    moments = play(TimelineCursor(timeline("2:2", policy="refresh_last")), 4)
    assert [moment.mix for moment in moments] == [((1, 1.0),)] * 2 + [((2, 1.0),)] * 2


def test_a_single_recipe_is_a_timeline_of_one() -> None:
    only = StyleTimeline.of(STYLES[0])
    assert only.styles == STYLES[:1] and StyleTimeline.of(only) is only
    assert not only.watches_cuts and timeline("cut:2").watches_cuts
    assert only_style(only) is only_style(STYLES[0]) is STYLES[0]
    with pytest.raises(SettingError, match="bypass it"):
        only_style(timeline())


def test_slerp_keeps_lengths_and_lerp_does_not() -> None:
    a, b = torch.tensor([[3.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.0, 3.0], [0.0, 2.0]])
    middle = interpolate(a, b, 0.5, "slerp")
    assert middle[0].norm().item() == pytest.approx(3.0, rel=1e-5)
    assert torch.allclose(middle[1], torch.tensor([0.0, 1.0]))
    assert interpolate(a, b, 0.5)[0].norm().item() == pytest.approx(3 * 0.5**0.5, rel=1e-5)
    for kind in ("lerp", "slerp"):
        assert torch.allclose(interpolate(a, b, 0.0, kind), a, atol=1e-6)
        assert torch.allclose(interpolate(a, b, 1.0, kind), b, atol=1e-6)
    assert [blend_weight(frame, 3) for frame in (-1, 0, 2, 3, 9)] == [0.0, 0.25, 0.75, 1.0, 1.0]

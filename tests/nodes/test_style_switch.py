"""KVCacheStyleSwitch: what it puts on the socket, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import StyleTimeline
from livestyle.engine.errors import SettingError

ONE, TWO, THREE = (ConditioningRecipe(name, node_id=name) for name in ("one", "two", "three"))


def switch(run_node: Any, **inputs: Any) -> StyleTimeline:
    return run_node("KVCacheStyleSwitch", **{"style": ONE, **inputs}).args[0]


def test_styles_and_widgets_become_a_timeline(run_node: Any) -> None:
    timeline = switch(
        run_node, style_2=TWO, active=2, schedule="0:1, cut:next", policy="blend", interpolation="slerp"
    )
    assert timeline.styles == (ONE, TWO) and timeline.active == 2 and timeline.node_id == "7"
    assert [trigger.at for trigger in timeline.triggers] == ["frame", "cut"]
    assert (timeline.policy, timeline.blend_frames, timeline.interpolation) == ("blend", 8, "slerp")


def test_switches_chain_through_the_first_style(run_node: Any) -> None:
    first = switch(run_node, style_2=TWO)
    assert switch(run_node, style=first, style_2=THREE, schedule="9:3").styles == (ONE, TWO, THREE)
    with pytest.raises(SettingError, match="connect it to the first input"):
        switch(run_node, style_2=first)


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ({"style_3": THREE}, "style_2 is empty but style_3 is not"),
        ({"active": 2}, "active is 2: choose a value from 1 to 1"),
        ({"schedule": "0:2"}, "asks for style 2, connected are 1 to 1"),
        ({"schedule": "soon:1"}, "'soon:1' can't be read"),
        ({"schedule": "1" * 5000}, "shorten it to 4000"),
        ({"policy": "melt"}, "policy can't be 'melt'"),
        ({"interpolation": "cubic"}, "interpolation can't be 'cubic'"),
        ({"keep_frames": -1}, "keep_frames is -1"),
        ({"blend_frames": 999}, "blend_frames is 999"),
    ],
)
def test_what_can_not_work_is_refused_in_one_line(run_node: Any, inputs: dict[str, Any], line: str) -> None:
    with pytest.raises(SettingError) as refused:
        switch(run_node, **inputs)
    assert line in str(refused.value) and "\n" not in str(refused.value)

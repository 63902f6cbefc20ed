"""Output sizes: what widgets and sources ask for, and what models can do."""

from __future__ import annotations

from fractions import Fraction

import pytest
from runtime_stubs import stylise

from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import Requirements
from livestyle.engine.media.types import MediaInfo
from livestyle.engine.runtime.sizing import output_size


def info(width: int, height: int) -> MediaInfo:
    return MediaInfo(width, height, Fraction(24))


def needs(multiple: int) -> Requirements:
    return Requirements(4, 4, multiple)


@pytest.mark.parametrize(
    ("source", "multiple", "size"),
    [
        ((1280, 720), 8, (1280, 720)),
        ((1280, 720), 64, (1280, 704)),
        ((129, 97), 8, (128, 96)),
        ((641, 363), 1, (640, 362)),
        ((100, 100), 3, (96, 96)),
    ],
)
def test_zero_takes_the_sources_size_rounded_down(source, multiple, size):
    assert output_size({stylise(None): needs(multiple)}, info(*source)) == size


def test_a_plan_that_only_copies_needs_even_sizes():
    assert output_size({}, info(641, 361)) == (640, 360)


def test_explicit_values_win():
    nodes = {stylise(None, width=512, height=256): needs(64)}
    assert output_size(nodes, info(1280, 720)) == (512, 256)
    assert output_size(nodes, None) == (512, 256)


def test_one_side_may_be_left_to_the_source():
    assert output_size({stylise(None, width=512): needs(8)}, info(1280, 720)) == (512, 720)


@pytest.mark.parametrize(("width", "nearest"), [(500, 512), (530, 512), (545, 576), (10, 64), (-64, 64)])
def test_a_value_that_is_no_multiple_names_widget_and_nearest(width, nearest):
    with pytest.raises(SettingError) as caught:
        output_size({stylise(None, "7", width=width): needs(64)}, info(1280, 720))
    line = f"width on StreamDenoise 7 is {width}: use a multiple of 64, like {nearest}."
    assert str(caught.value) == line


def test_branches_agree_on_what_suits_both():
    nodes = {stylise(None, "1"): needs(48), stylise(None, "2"): needs(32)}
    assert output_size(nodes, info(640, 480)) == (576, 480)


def test_a_branch_without_a_wish_follows_the_other():
    nodes = {stylise(None, "1", width=512): needs(8), stylise(None, "2"): needs(8)}
    assert output_size(nodes, info(640, 480)) == (512, 480)


def test_branches_that_want_different_sizes_are_told():
    nodes = {stylise(None, "1", width=512): needs(8), stylise(None, "2", width=256): needs(8)}
    with pytest.raises(SettingError) as caught:
        output_size(nodes, info(640, 480))
    assert str(caught.value) == (
        "width is 512 on StreamDenoise 1 and 256 on StreamDenoise 2: use the same on both."
    )


def test_a_source_below_the_least_size_is_told():
    with pytest.raises(SettingError) as caught:
        output_size({stylise(None, "7"): needs(64)}, info(1, 1))
    assert str(caught.value) == (
        "the source's width is 1 pixels and at least 64 are needed: "
        "set width on StreamDenoise 7 to 64 or more."
    )
    with pytest.raises(SettingError, match="at least 2 are needed"):
        output_size({}, info(1, 1))


def test_generating_needs_a_size():
    with pytest.raises(SettingError) as caught:
        output_size({stylise(None, "7", width=480): needs(48)}, None)
    assert str(caught.value) == "height on StreamDenoise 7 is 0 and there is no source: use 480."

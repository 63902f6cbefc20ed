"""Train, tune and test share no film."""

from __future__ import annotations

from pathlib import Path

import pytest

from livestyle.lab.training.splits import (
    TEST_CLIPS,
    TUNE_CLIPS,
    clips_of,
    part_of_clip,
    part_of_still,
)


def test_every_clip_is_in_one_part_and_unknown_ones_may_be_trained_on(tmp_path: Path) -> None:
    names = {*TUNE_CLIPS, *TEST_CLIPS, "my_holiday", "my_cat"}
    for name in names:
        (tmp_path / f"{name}.mp4").touch()
    (tmp_path / "notes.txt").touch()
    parts = {part: {path.stem for path in clips_of(tmp_path, part)} for part in ("train", "tune", "test")}
    assert parts == {"train": {"my_holiday", "my_cat"}, "tune": TUNE_CLIPS, "test": TEST_CLIPS}
    assert [path.stem for path in clips_of(tmp_path, "train", without=["my_cat"])] == ["my_holiday"]
    assert part_of_clip("my_holiday") == "train"


def test_a_folder_without_a_clip_of_the_part_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blackswan.mp4").touch()
    with pytest.raises(FileNotFoundError, match="No train video"):
        clips_of(tmp_path, "train")


def test_stills_are_divided_by_their_names_alone() -> None:
    names = [f"gcompris/tools/{number}" for number in range(2000)]
    counts = [sum(part_of_still(name) == part for name in names) for part in ("train", "tune", "test")]
    assert 1500 < counts[0] < 1700 and min(counts[1:]) > 150
    assert [part_of_still(name) for name in names[:50]] == [part_of_still(name) for name in names[:50]]

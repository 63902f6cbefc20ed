"""Clips are read, turned and cut where they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from moving_clips import panning
from sample_clips import make_clip

from livestyle.lab.evaluation.clips import read_clips, spliced, to_and_fro


def test_every_window_shows_the_same_pictures() -> None:
    pixels = panning("a", 9).pixels
    played = to_and_fro(pixels, 40, period=8)
    assert len(played) == 40
    for start in range(8, 40, 8):
        assert (played[start : start + 8] == played[:8]).all()
    order = [int(np.flatnonzero((pixels == frame).all((1, 2, 3)))[0]) for frame in played[:9]]
    assert order == [0, 1, 2, 3, 4, 3, 2, 1, 0]


def test_short_clips_turn_earlier() -> None:
    pixels = panning("a", 3).pixels
    assert (to_and_fro(pixels, 6, period=64) == pixels[[0, 1, 2, 1, 0, 1]]).all()
    assert (to_and_fro(pixels[:1], 3) == pixels[[0, 0, 0]]).all()


def test_a_cut_joins_the_end_of_one_with_the_start_of_the_other() -> None:
    first, second = panning("a", 5).pixels, panning("b", 4, seed=3).pixels
    joined = spliced(first, second, 2)
    assert (joined[:2] == first[3:]).all() and (joined[2:] == second).all()


def test_a_folder_is_read_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        make_clip(tmp_path / f"{name}.mp4", frames=6)
    clips = read_clips(tmp_path, 32, 4)
    assert [clip.name for clip in clips] == ["a", "b"]
    assert clips[0].pixels.shape == (4, 32, 32, 3)
    with pytest.raises(FileNotFoundError, match="name a folder of clips"):
        read_clips(tmp_path / "none", 32, 4)

"""A source has no excess over itself, flicker has; two estimators rank alike or not."""

from __future__ import annotations

import numpy as np
import pytest
from moving_clips import panning

from livestyle.lab.evaluation.quality import SourceClip, rank_agreement


def test_excess_is_what_the_output_adds() -> None:
    source = SourceClip(panning("a", 8).pixels)
    same = source.measure(source.pixels, 2)
    assert same["excess"] == same["excess_dis"] == same["reference_l1"] == 0.0
    brightness = np.where(np.arange(8) % 2, 9, 0)[:, None, None, None]
    flicker = np.uint8(np.clip(source.pixels.astype(int) + brightness, 0, 255))
    shaky = source.measure(flicker, 2)
    assert 4.0 < shaky["excess"] < 9.5
    assert shaky["excess_dis"] == pytest.approx(shaky["excess"], rel=0.2)
    assert shaky["slot_flicker"] > 0.8


def test_a_chunk_longer_than_the_clip_has_no_slot_flicker() -> None:
    source = SourceClip(panning("a", 4).pixels)
    assert "slot_flicker" not in source.measure(source.pixels, 8)


def test_rank_agreement_ends() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_agreement(values, values**2) == 1.0
    assert rank_agreement(values, -values) == -1.0
    assert rank_agreement(values, np.array([1.0, 2.0, 4.0, 3.0])) == pytest.approx(4 / 6)

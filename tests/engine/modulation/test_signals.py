"""Waves, and what is heard and seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from beat_clips import RATE as CLIP_RATE
from beat_clips import beep
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.modulation.history import KEPT_S, History
from livestyle.engine.modulation.modulator import WAVES, Modulator, wave
from livestyle.engine.modulation.picture import PictureLevels
from livestyle.engine.modulation.sound import HOP, RATE, SoundLevels

GOOD = {"signal": "sine", "offset": 0.5, "depth": 0.3}


def heard(samples: np.ndarray) -> np.ndarray:
    """(n, 5): level, low, mid, high, onset."""
    return np.array(list(SoundLevels().push(samples.astype(np.float32))))


def tone(pitch: float, seconds: float = 1.0, loud: float = 0.3) -> np.ndarray:
    return loud * np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE)


def test_waves_begin_and_turn_where_they_should():
    quarter = [0, 0.25, 0.5, 0.75]
    assert [round(wave("sine", phase, 0), 9) for phase in quarter] == [0, 1, 0, -1]
    assert [wave("triangle", phase, 0) for phase in quarter] == [0, 1, 0, -1]
    assert [wave("square", phase, 0) for phase in quarter] == [1, 1, -1, -1]


@given(st.sampled_from(WAVES), st.floats(-1e6, 1e6), st.integers(0, 2**32))
def test_no_wave_leaves_its_range(name: str, phase: float, seed: int):
    assert -1 <= wave(name, phase, seed) <= 1


def test_random_holds_a_value_for_a_cycle_and_differs_by_seed():
    values = [wave("random", cycle + 0.3, 5) for cycle in range(500)]
    assert values == [wave("random", cycle + 0.9, 5) for cycle in range(500)]
    assert len(set(values)) == 500 and abs(np.mean(values)) < 0.1 and np.std(values) > 0.5
    assert values != [wave("random", cycle, 6) for cycle in range(500)]


@pytest.mark.parametrize(("pitch", "band"), [(80, 1), (800, 2), (6000, 3)])
def test_a_tone_is_loudest_in_its_own_band(pitch: float, band: int):
    rows = heard(tone(pitch))[10:]
    assert rows[:, 0].min() > 0.7
    others = [other for other in (1, 2, 3) if other != band]
    assert rows[:, band].min() > 0.8 and rows[:, others].max() < 0.5


def test_silence_is_nothing_and_louder_is_more():
    assert heard(np.zeros(RATE)).max() == 0
    levels = [heard(tone(500, 0.3, loud))[20, 0] for loud in (0.01, 0.1, 0.5)]
    assert levels == sorted(levels) and levels[0] < 0.5 < levels[2] <= 1


def test_an_onset_for_each_beep_and_none_between():
    times = [0.5, 1.0, 1.7, 2.1]
    at_24k = beep(times, 3.0).reshape(-1, CLIP_RATE // RATE).mean(1)
    onsets = heard(at_24k)[:, 4]
    starts = [(row + 1) * HOP / RATE for row in np.flatnonzero(onsets == 1.0)]
    assert len(starts) == len(times)
    assert all(0 <= found - begin < 0.03 for found, begin in zip(starts, times, strict=True))


def test_what_is_heard_does_not_depend_on_the_parts_in_which_it_came():
    samples = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    levels, rows = SoundLevels(), []
    for part in np.split(samples, [7, 1000, 1001, 9000, 20_000]):
        rows += levels.push(part)
    assert np.array_equal(np.array(rows), heard(samples))


def test_motion_brightness_and_a_cut():
    rng, look = np.random.default_rng(2), PictureLevels()
    scene = np.zeros((90, 120, 3), np.uint8)
    scene[30:60, :40] = (250, 200, 10)
    other = rng.integers(0, 256, (9, 12, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    rows = [look.look(scene, 0.0), look.look(scene, 0.1)]
    rows += [look.look(np.roll(scene, 30, 1), 0.2), look.look(other, 0.3), look.look(other, 0.55)]
    motion, brightness, cut = zip(*rows, strict=True)
    assert motion[0] == motion[1] == 0 and motion[2] > 0.5
    assert motion[3] == 0, "another scene is no motion"
    assert cut[:4] == (0, 0, 0, 1) and cut[4] == pytest.approx(0.5)
    assert brightness[0] == pytest.approx(200 / 255 / 9, abs=0.02)


def test_a_history_averages_what_it_has_and_forgets_the_rest():
    history = History(("a",))
    assert history.mean("a", 5.0) == 0
    for second in range(300):
        history.add(float(second), (float(second),))
    assert history.mean("a", 250.5) == 250 and history.mean("a", 250.0, 3.0) == 249
    assert history.mean("a", 299.0, 2 * KEPT_S) > 200
    assert history.mean("a", 10.0) == 0, "long gone"


fields = st.sampled_from([*GOOD, "rate", "unit", "tempo", "smoothing", "ear"])
anything = st.none() | st.floats() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(fields, anything))
def test_whatever_comes_is_a_modulator_or_one_line(data: dict):
    try:
        parsed = Modulator.parse(GOOD | data)
    except SettingError as error:
        assert "\n" not in str(error) and str(error).startswith("A modulator")
    else:
        assert math.isfinite(parsed.offset + parsed.depth) and parsed.cycles_a_second > 0


def test_beats_become_hertz():
    assert Modulator.parse(GOOD | {"unit": "beats", "rate": 4, "tempo": 120}).cycles_a_second == 0.5

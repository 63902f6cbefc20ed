"""What RTR-DiT's figures are made of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from sample_pictures import picture

from livestyle.lab.rtr_dit.evaluation.candidates import LEAST, draw_candidates, percentile_rank, turned
from livestyle.lab.rtr_dit.evaluation.long_run import Repeated
from livestyle.lab.rtr_dit.evaluation.switching import crossfade, spike
from livestyle.lab.rtr_dit.training.references import HELD_OUT


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for seed, name in enumerate(names):
        cv2.imwrite(str(path / f"{name}.png"), picture(80, seed))
    return path


def test_the_rank_is_the_share_of_others_farther_away() -> None:
    assert percentile_rank([0.1, 0.2, 0.3, 0.4, 0.5], 0) == 1.0
    assert percentile_rank([0.1, 0.2, 0.3, 0.4, 0.5], 2) == 0.5
    assert percentile_rank([0.1, 0.2, 0.3, 0.4, 0.5], 4) == 0.0


def test_only_pictures_that_training_has_not_seen_are_judged(tmp_path: Path) -> None:
    seen = folder(tmp_path / "seen", "a", "b", "c", HELD_OUT[0])
    given = folder(tmp_path / "given", "a", "new", HELD_OUT[0])
    candidates = draw_candidates(given, seen, 64)
    judged = [each.name for each in candidates if each.judged]
    names = [each.name for each in candidates]
    assert sorted(judged) == sorted(f"{n}{t}" for n in ("new", HELD_OUT[0]) for t in ("", "+60", "+120"))
    assert len(set(names)) == len(names) and {"a", "b", "c"} <= set(names)
    assert min(each.picture.shape[:2] for each in candidates)[0] == 64
    with pytest.raises(FileNotFoundError, match="training has not seen"):
        draw_candidates(folder(tmp_path / "old", "a"), seen, 64)


def test_there_are_always_enough_candidates(tmp_path: Path) -> None:
    given = folder(tmp_path / "given", *(f"p{number}" for number in range(7)))
    assert len(draw_candidates(given, None, 64)) >= LEAST


def test_turned_hues_keep_the_light(tmp_path: Path) -> None:
    (one, *_) = draw_candidates(folder(tmp_path / "given", "one"), None, 64)
    other = turned(one, 60)
    assert not np.array_equal(other.picture, one.picture)
    assert abs(int(other.picture.max(2).mean()) - int(one.picture.max(2).mean())) <= 1


def test_a_crossfade_goes_from_one_clip_to_the_other_and_has_no_spike() -> None:
    old, new = np.zeros((20, 4, 4, 3), np.uint8), np.full((20, 4, 4, 3), 200, np.uint8)
    mixed = crossfade(old, new, at=5, frames=9)
    assert (mixed[4] == 0).all() and (mixed[14] == 200).all()
    cut = np.concatenate([old[:5], new[5:]])
    assert spike(mixed, 5, 12) == pytest.approx(20.0, rel=1e-4)
    assert spike(cut, 5, 12) == pytest.approx(200.0)


def test_a_long_clip_is_never_in_memory_as_a_whole() -> None:
    period = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    clip = Repeated(period, 10**9)
    assert len(clip) == 10**9
    assert clip[3:8].ravel().tolist() == [3, 4, 0, 1, 2]

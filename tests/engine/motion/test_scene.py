"""Cuts are found, motion and light are not taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sample_pictures import picture

from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.motion.scene import CutDetector

CLIPS = Path(__file__).parents[4] / "shared" / "clips" / "eval"
HERE = pytest.mark.skipif(not CLIPS.is_dir(), reason="the shared clips are not here")


def frames_of(path: Path) -> np.ndarray:
    source = SourceSpec("file", str(path)).open()
    source.start(192, 112, "stretch")
    frames = source.read(1000)
    source.close()
    return frames.pixels


def panning(count: int) -> np.ndarray:
    wide = picture(64 + 3 * count)
    return np.stack([wide[:64, 3 * i : 3 * i + 64] for i in range(count)])


def test_a_cut_is_found_wherever_the_chunks_end() -> None:
    clip = np.concatenate([panning(10), 255 - panning(10)])
    for size in (1, 3, 10, 20):
        detector = CutDetector()
        parts = [(at, detector.cuts(clip[at : at + size])) for at in range(0, 20, size)]
        assert [at + cut for at, cuts in parts for cut in cuts] == [10]


def test_pans_and_fades_are_no_cuts() -> None:
    pan = panning(24)
    fade = np.uint8(pan * np.linspace(1.0, 0.2, 24)[:, None, None, None])
    assert CutDetector().cuts(pan) == CutDetector().cuts(fade) == ()


@HERE
@pytest.mark.parametrize("name", ["parkour", "bmx-trees", "scooter-black", "libby"])
def test_fast_clips_have_no_cut(name: str) -> None:
    assert CutDetector().cuts(frames_of(CLIPS / f"{name}.mp4")) == ()


@HERE
def test_the_cut_of_a_real_clip() -> None:
    assert CutDetector().cuts(frames_of(CLIPS / "scene_cut_kite_dance.mp4")) == (32,)

"""One page for each checkpoint: clips restyled by words, or films of sentences."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

import cv2
import numpy as np

from livestyle.engine.families import WEIGHTS
from livestyle.lab import ROOT
from livestyle.lab.evaluation import draw_sheet

FLOWER = ROOT / "example_media" / "flower.mp4"


def sheet(target: Path, *arguments: str) -> np.ndarray:
    parser = ArgumentParser()
    draw_sheet.options(parser)
    draw_sheet.run(parser.parse_args([*arguments, "--size", "64", "--output", str(target)]))
    return cv2.imread(str(target))


def test_a_clip_has_its_source_and_a_tile_for_each_style(tmp_path: Path) -> None:
    """Two styles, wrapped after two tiles; sepia has less blue than red, unlike the source."""
    page = sheet(tmp_path / "page.jpg", "--clips", str(FLOWER), "--prompts", "sepia", "neon", "--across", "2")
    assert page.shape == (2 * (64 + 22), 2 * 64, 3)
    source, sepia = (page[:64, at : at + 64].astype(float) for at in (0, 64))
    assert sepia[..., 0].mean() < sepia[..., 2].mean()
    assert np.abs(source - sepia).mean() > 8.0


def test_without_clips_the_model_draws_each_sentence_twice(tmp_path: Path) -> None:
    """An early and a later frame side by side."""
    page = sheet(
        tmp_path / "page.jpg",
        "--checkpoint",
        str(WEIGHTS / "stream-dit"),
        "--prompts",
        "a red circle on white",
        "a blue square on black",
    )
    assert page.shape == (64 + 22, 6 * 2 * 64, 3)
    early, late, other = (page[:64, at : at + 64].astype(float) for at in (0, 64, 128))
    assert np.abs(early - other).mean() > 8.0 and np.abs(early - late).mean() > 2.0

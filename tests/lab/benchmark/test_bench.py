"""The bench runs at toy size and its baseline is the real pipeline."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from demo_model import demo_model
from sample_pictures import picture

from livestyle.lab.mllm_edit.benchmark.baseline import edit_frames, pipeline, published_layout
from livestyle.lab.mllm_edit.benchmark.rates import compare


def test_baseline_pipeline_edits_pictures() -> None:
    pipe = pipeline(published_layout(demo_model(), torch.float32), torch.float32)
    frames = np.stack([picture(64, seed) for seed in (0, 1)])
    first, second = edit_frames(pipe, frames, "make it oil", 2)
    assert first.size == second.size == (64, 64)
    assert first.tobytes() != second.tobytes()


@pytest.mark.slow
def test_comparison_has_its_ratios() -> None:
    frames = np.stack([picture(64, seed) for seed in range(4)])
    report = compare(demo_model(), torch.float32, frames)
    for kind in ("equal", "documented"):
        ratios = report["pairs"][kind]
        assert len(ratios) == 5 and min(ratios) > 0
        assert report[f"engine_over_baseline_{kind}"] == sorted(ratios)[2]
    assert set(report["rows"]) == {"engine_demo", "engine_equal", "baseline_equal", "baseline_documented"}

"""The temporal adapter's recipe: what it follows, what it must not lose, and that a run can be loaded."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sample_pictures import picture
from tiny_checkpoint import write_tiny_checkpoint

from livestyle.engine.families import load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.motion.flow import FlowSettings
from livestyle.engine.networks.lllite_file import load_lllite, save_lllite
from livestyle.lab.mllm_edit.training.temporal_lllite import (
    Neighbours,
    TemporalRecipe,
    lost_gradient,
    train_temporal_lllite,
)
from livestyle.lab.training.loop import LoopConfig

SIDE, SHIFT = 64, 3


def moved(times: int) -> np.ndarray:
    """The view of a larger picture after ``times`` steps to the right."""
    wide = picture(2 * SIDE, seed=4)
    return np.ascontiguousarray(wide[:SIDE, SHIFT * times : SHIFT * times + SIDE])


def as_tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def test_what_only_moves_does_not_flicker() -> None:
    first, second = moved(0)[None], moved(1)[None]
    between = Neighbours.between(first, second, FlowSettings("dis_medium", 1.0))
    one, two = as_tensor(first), as_tensor(second)
    assert between.seen.mean() > 0.6
    assert between.flicker(one, two) < 0.4 * (one - two).abs().mean()
    assert between.flicker(one, two + 0.2) > between.flicker(one, two) + 0.1


def test_another_scene_is_mostly_not_compared() -> None:
    first, second = picture(SIDE, 1)[None], 255 - picture(SIDE, 2)[None]
    assert Neighbours.between(first, second, FlowSettings()).seen.mean() < 0.5


def test_blur_loses_gradient_and_the_picture_itself_does_not() -> None:
    sharp = as_tensor(picture(SIDE)[None])
    soft = as_tensor(cv2.GaussianBlur(picture(SIDE), (0, 0), 2.0)[None])
    assert lost_gradient(sharp, sharp) == 0.0
    assert lost_gradient(soft, sharp) > 0.2
    assert lost_gradient(soft, sharp, spare=0.9) == 0.0
    assert lost_gradient(sharp, soft) == 0.0  # more gradient is no loss


@pytest.mark.slow
@pytest.mark.parametrize("injection", ["channel", "width"])
def test_a_run_resumes_and_its_adapter_loads(injection: str, tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path, injection)
    model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    windows = np.stack([np.stack([moved(k) for k in range(5)])] * 2)
    recipe = TemporalRecipe(batch=2, chunk=2, captions=2, largest_stride=32, cond_dim=8, mlp_dim=8)

    def run(steps: int, name: str):
        return train_temporal_lllite(
            windows,
            model.denoiser,
            model.autoencoder,
            model.encoder,
            {},
            tmp_path / name,
            LoopConfig(steps=steps, cooldown=0.0, warmup=1, ema=0.0),
            recipe,
        )

    run(2, "resumed")
    resumed, straight = run(3, "resumed"), run(3, "straight")
    for key, value in straight.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[key], value)
    assert any(hook.up[0].weight.abs().max() > 0 for hook in straight.hooks.values())
    save_lllite(tmp_path / "lllite.safetensors", straight, {"step": "3"})
    _, report = load_lllite(tmp_path / "lllite.safetensors", model.denoiser.unet)
    assert len(report.matched) == len(straight.hooks)
    assert not report.unknown

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
from livestyle.engine.training.loop import LoopConfig
from livestyle.engine.training.temporal_lllite import (
    Motion,
    TemporalRecipe,
    lost_gradient,
    train_temporal_lllite,
)

SIDE, SHIFT = 64, 3


def moved(times: int) -> np.ndarray:
    """The view of a larger picture after ``times`` steps to the right."""
    wide = picture(2 * SIDE, seed=4)
    return np.ascontiguousarray(wide[:SIDE, SHIFT * times : SHIFT * times + SIDE])


def as_tensor(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def test_a_carried_picture_lies_where_the_later_frame_has_it() -> None:
    first, second = moved(0)[None], moved(1)[None]
    motion = Motion.between(first, second, FlowSettings("dis_medium", 1.0))
    carried = motion.carried(as_tensor(first))
    inner = (..., slice(12, -12), slice(12, -12))
    left = (carried - as_tensor(second))[inner].abs().mean()
    assert left < 0.4 * (as_tensor(first) - as_tensor(second))[inner].abs().mean()
    assert motion.followed[inner].mean() > 0.6


def test_another_scene_is_not_followed() -> None:
    first, second = picture(SIDE, 1)[None], 255 - picture(SIDE, 2)[None]
    assert Motion.between(first, second, FlowSettings()).followed.mean() < 0.15


def test_blur_loses_gradient_and_the_picture_itself_does_not() -> None:
    sharp = as_tensor(picture(SIDE)[None])
    soft = as_tensor(cv2.GaussianBlur(picture(SIDE), (0, 0), 2.0)[None])
    assert lost_gradient(sharp, sharp) == 0.0
    assert lost_gradient(soft, sharp) > 0.2
    assert lost_gradient(sharp, soft) == 0.0  # more gradient is no loss


@pytest.mark.slow
@pytest.mark.parametrize("injection", ["channel", "width"])
def test_a_run_resumes_and_its_adapter_loads(injection: str, tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path, injection)
    model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    windows = np.stack([np.stack([moved(k) for k in range(5)])] * 2)
    recipe = TemporalRecipe(batch=2, max_gap=2, captions=2)

    def run(steps: int, name: str):
        return train_temporal_lllite(
            windows,
            model.denoiser,
            model.autoencoder.model,
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

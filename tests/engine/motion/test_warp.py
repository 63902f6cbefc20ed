"""Tensors are carried along a flow as pictures are, with a border that repeats."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from livestyle.engine.motion.warp import carry, carry_tensor, grid_of


def flows_of(kind: str, height: int, width: int) -> torch.Tensor:
    """(1, H, W, 2): within the picture, to its outermost cells, or far out on all sides."""
    generator = torch.Generator().manual_seed(3)
    if kind == "to the border":  # every cell reads a corner
        grid = torch.tensor(grid_of(height, width))
        return (grid - torch.tensor([width - 1.0, 0.0]))[None]
    reach = 0.8 if kind == "small" else 40.0
    return (torch.rand(1, height, width, 2, generator=generator) * 2 - 1) * reach


@pytest.mark.parametrize("kind", ["small", "to the border", "far out"])
@pytest.mark.parametrize(("height", "width"), [(6, 9), (16, 5)])
def test_the_border_repeats(kind: str, height: int, width: int) -> None:
    pictures = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(4))
    flows = flows_of(kind, height, width)
    sides = torch.tensor([width - 1, height - 1])
    points = (torch.tensor(grid_of(height, width)) - flows) * (2.0 / sides) - 1.0
    wanted = F.grid_sample(pictures, points, padding_mode="border", align_corners=True)
    torch.testing.assert_close(carry_tensor(pictures, flows), wanted, rtol=0, atol=1e-5)


def test_tensors_and_pictures_are_carried_alike() -> None:
    picture = np.random.default_rng(5).random((12, 16, 3), np.float32)
    flow = flows_of("far out", 12, 16)
    moved = carry_tensor(torch.from_numpy(picture).permute(2, 0, 1)[None], flow)
    # OpenCV places its points on a grid of 1/32
    np.testing.assert_allclose(moved[0].permute(1, 2, 0), carry(picture, flow[0].numpy()), atol=0.05)

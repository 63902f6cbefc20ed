"""Rotary positions: what a dot product of rotated vectors tells, and how axes share a head."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from livestyle.engine.networks.rope import Rotation, axis_angles, grid_angles, rotate, split_axes


def test_axes_share_the_pairs_of_a_head() -> None:
    assert split_axes(128) == (22, 21, 21)
    assert all(sum(split_axes(width)) == width // 2 for width in range(2, 130, 2))


def test_a_dot_product_tells_distance_only_however_late_it_is() -> None:
    """A pair of frames is as far apart at 10 million as at 0."""
    q, k = torch.randn(2, 3, 24, generator=torch.Generator().manual_seed(0))
    scores = []
    for start in (0, 10_000_000):
        time, place = (
            torch.tensor([start, start + 5], dtype=torch.float64),
            torch.zeros(1, dtype=torch.float64),
        )
        by = Rotation.of(grid_angles(time, place, place, 24, 10000.0))
        first, second = (Rotation(by.cos[i], by.sin[i]) for i in (0, 1))
        scores.append((rotate(q, first) * rotate(k, second)).sum(-1))
    assert torch.allclose(*scores, atol=1e-4)


def test_tokens_are_numbered_frame_by_frame_and_row_by_row() -> None:
    width, theta = 12, 100.0
    axes = [torch.arange(size, dtype=torch.float64) for size in (2, 3, 4)]
    angles = grid_angles(*axes, width, theta)
    token = 1 * 3 * 4 + 2 * 4 + 3  # frame 1, row 2, column 3
    parts = [
        axis_angles(torch.tensor([at]).double(), n, theta)[0]
        for at, n in zip((1, 2, 3), (2, 2, 2), strict=True)
    ]
    assert torch.equal(angles[token], torch.cat(parts))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_complex_product_gives_what_four_real_ones_give(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    x, by = torch.randn(2, 3, 50, 4, 32, dtype=dtype), Rotation.of(torch.randn(50, 1, 16) * 100.0)
    with Products() as eager:
        turned = rotate(x.transpose(2, 3).contiguous().transpose(2, 3), by)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert torch.equal(turned, rotate(x, by))
    assert eager.count == 1


class Products(TorchDispatchMode):
    """How often tensors are multiplied."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func._schema.name == "aten::mul"
        return func(*args, **(kwargs or {}))


def test_a_rotation_keeps_lengths_and_the_number_format() -> None:
    x = torch.randn(5, 8, generator=torch.Generator().manual_seed(0)).bfloat16()
    turned = rotate(x, Rotation.of(axis_angles(torch.arange(5.0), 4, 100.0)))
    assert turned.dtype == torch.bfloat16
    assert torch.allclose(turned.float().norm(dim=-1), x.float().norm(dim=-1), rtol=1e-2)

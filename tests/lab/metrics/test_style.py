"""Style statistics forget the layout and tell two painters apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from livestyle.lab.metrics.style import gram, style_distance


def levels(*pictures: torch.Tensor) -> list[torch.Tensor]:
    return [torch.nn.functional.normalize(picture, dim=1) for picture in pictures]


def test_the_layout_does_not_count() -> None:
    maps = torch.randn(2, 5, 6, 6, generator=torch.Generator().manual_seed(0))
    order = torch.randperm(36, generator=torch.Generator().manual_seed(1))
    shuffled = maps.flatten(2)[:, :, order].unflatten(2, (6, 6))
    assert style_distance(levels(maps), levels(shuffled)) == pytest.approx(torch.zeros(2), abs=1e-6)
    assert float(gram(levels(maps)[0]).diagonal(dim1=1, dim2=2).sum(1)[0]) == pytest.approx(1.0)


def test_two_channels_that_never_meet() -> None:
    """One picture has only the first channel, the other only the second: two entries differ by 1."""
    first, second = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    first[:, 0], second[:, 1] = 1.0, 1.0
    assert float(style_distance(levels(first, first), levels(second, second))) == pytest.approx(4.0)


def test_painted_pictures_are_nearer_to_their_own_style() -> None:
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
    from sample_pictures import picture

    from livestyle.lab.metrics.perceptual import EfficientNetLite0
    from livestyle.lab.styles import stylise

    trunk, scenes = EfficientNetLite0(), (picture(128, 1), picture(128, 2))
    drawn, painted = (
        trunk.features(np.stack([stylise(s, name) for s in scenes])) for name in ("ink", "neon")
    )
    other = [level.flip(0) for level in drawn]  # the other scene in the same style
    assert (style_distance(drawn, other) < 0.5 * style_distance(drawn, painted)).all()

"""The trunk tells styles apart and forgives small noise."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")

from sample_pictures import picture

from livestyle.lab.metrics.perceptual import EfficientNetLite0, distance
from livestyle.lab.styles import stylise


def test_distance_orders_same_noisy_and_restyled() -> None:
    trunk = EfficientNetLite0()
    source = picture(128)
    noise = np.random.default_rng(0).normal(0, 3, source.shape)
    noisy = np.uint8(np.clip(source + noise, 0, 255))
    styled = stylise(source, "neon")
    base = trunk.features(source[None])
    same, near, far = (float(distance(base, trunk.features(p[None]))) for p in (source, noisy, styled))
    assert same == pytest.approx(0.0, abs=1e-5)
    assert 0.0 < near < 0.5 * far

"""Procedural pictures: coloured noise of any roughness with hard-edged patches in it."""

from __future__ import annotations

import cv2
import numpy as np


def draw_texture(side: int, rng: np.random.Generator) -> np.ndarray:
    """uint8 RGB (side, side, 3): noise whose spectrum falls by a power, and up to 40 flat or fine patches."""
    picture = _noise(side, rng)
    for _ in range(rng.integers(0, 40)):
        patch = np.zeros((side, side), np.uint8)
        centre, size = rng.uniform(0, side, 2), side * np.exp(rng.uniform(-3.5, -1.0))
        corners = int(rng.integers(2, 9))
        angles = np.sort(rng.uniform(0.0, 2.0 * np.pi, corners))
        points = centre + size * np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(
            0.5, 1.0, (corners, 1)
        )
        points = np.int32(points * 8)
        if rng.random() < 0.3:
            cv2.polylines(patch, [points], False, 255, int(rng.integers(1, 5)), cv2.LINE_AA, 3)
        else:
            cv2.fillPoly(patch, [points], 255, cv2.LINE_AA, 3)
        fill = _noise(side, rng) if rng.random() < 0.15 else np.float32(rng.uniform(0, 255, 3))
        picture += (patch[..., None] / np.float32(255.0)) * (fill - picture)
    return np.uint8(np.clip(picture, 0.0, 255.0) + 0.5)


def _noise(side: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (side, side, 3) on the 0..255 scale."""
    across, down = np.fft.rfftfreq(side)[None, :], np.fft.fftfreq(side)[:, None]
    stretch = np.exp(rng.normal(0.0, 0.5))
    falling = np.maximum(np.hypot(across * stretch, down / stretch), 1.0 / side) ** -rng.uniform(0.8, 2.2)
    waves = np.stack(
        [np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) * falling) for _ in range(3)], -1
    )
    waves /= waves.std((0, 1))
    mix = np.eye(3) * 0.3 + rng.normal(0.0, 0.5, (3, 1)) + rng.normal(0.0, 0.15, (3, 3))
    return np.float32(rng.uniform(60, 200, 3) + waves @ mix.T * rng.uniform(15, 60))

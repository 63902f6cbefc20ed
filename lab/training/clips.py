"""Frames of real clips for training: which clips, which frames, how they are cropped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np


def sample_frames(clip: Path, count: int, short_side: int) -> list[np.ndarray]:
    """``count`` frames evenly over a clip, uint8 RGB, resized so that the short side is ``short_side``."""
    frames = list(decoded(clip))
    picks = np.unique(np.linspace(0, len(frames) - 1, count).astype(int))
    return [_picture(frames[i], short_side) for i in picks]


def all_frames(clip: Path, short_side: int) -> np.ndarray:
    """Every frame of a clip, uint8 RGB (N, H, W, 3), resized so that the short side is ``short_side``."""
    return np.stack([_picture(frame, short_side) for frame in decoded(clip)])


def decoded(clip: Path) -> Iterator[av.VideoFrame]:
    """The frames of a clip, one by one."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield from container.decode(stream)


def _picture(frame: av.VideoFrame, short_side: int) -> np.ndarray:
    return resize_short_side(frame.to_ndarray(format="rgb24"), short_side)


def resize_short_side(picture: np.ndarray, short_side: int) -> np.ndarray:
    """Keep the aspect; area filter when shrinking."""
    height, width = picture.shape[:2]
    scale = short_side / min(height, width)
    size = (max(short_side, round(width * scale)), max(short_side, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def centre_crop(picture: np.ndarray, size: int) -> np.ndarray:
    """The middle ``size`` x ``size`` pixels of a picture whose short side is ``size``."""
    top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
    return np.ascontiguousarray(picture[top : top + size, left : left + size])


def augmented_crop(picture: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square of a frame with random zoom, mirror and, more often than not, changed light."""
    side = int(rng.integers(size, max(size + 1, min(picture.shape[:2]))))
    top = int(rng.integers(0, picture.shape[0] - side + 1))
    left = int(rng.integers(0, picture.shape[1] - side + 1))
    crop = picture[top : top + side, left : left + side]
    crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    if rng.random() < 0.6:
        crop = relit(crop, rng)
    return np.ascontiguousarray(crop)


def relit(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 RGB (H, W, 3) with another gamma, tint, hue and saturation."""
    image = np.float32(crop) / 255.0
    image = image ** np.float32(np.exp(rng.normal(0.0, 0.25)))
    image = image * np.float32(np.exp(rng.normal(0.0, 0.10, 3)))
    hsv = cv2.cvtColor(np.clip(image, 0.0, 1.0), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + rng.choice([0.0, rng.uniform(0.0, 360.0)], p=[0.6, 0.4])) % 360.0
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.5, 1.4), 0.0, 1.0)
    return np.uint8(cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB) * 255.0 + 0.5)

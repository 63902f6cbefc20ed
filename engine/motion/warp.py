"""Carries pictures and latents along optical flow."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> np.ndarray:
    """float32 (H, W, 2): the (x, y) of every pixel."""
    grid = np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    grid.setflags(write=False)
    return grid


def sample(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``picture`` read at each pixel plus its flow: the next frame brought back onto this one.

    Args:
        picture: (H, W) or (H, W, C), uint8 or float32.
        flow: (H, W, 2) from this frame to that of ``picture``.

    Returns:
        Shape and dtype of ``picture``; bilinear, the border repeats.
    """
    points = _grid(*flow.shape[:2]) + flow
    return cv2.remap(picture, points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def carry(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``picture`` moved along ``flow``, as the paper does it: read at each pixel minus its flow.

    The flow belongs to the old frame's pixels and is used at the new one's, so it errs where the
    motion changes from pixel to pixel.
    """
    return sample(picture, -flow)


def carry_latents(latents: torch.Tensor, flow: np.ndarray) -> torch.Tensor:
    """``carry`` for latents (N, C, h, w), with a flow (H, W, 2) of the full picture."""
    height, width = latents.shape[-2:]
    factors = np.float32([width / flow.shape[1], height / flow.shape[0]])
    small = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * factors
    # grid_sample wants -1 and 1 at the centres of the outermost cells
    points = (_grid(height, width) - small) * (2.0 / np.float32([width - 1, height - 1])) - 1.0
    grid = torch.from_numpy(points).to(latents).expand(len(latents), -1, -1, -1)
    return F.grid_sample(latents, grid, "bilinear", padding_mode="border", align_corners=True)

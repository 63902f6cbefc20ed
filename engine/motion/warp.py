"""Carries pictures and latents along optical flow."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ..transfers import upload


@lru_cache(maxsize=4)
def grid_of(height: int, width: int) -> np.ndarray:
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
    return read_at(picture, grid_of(*flow.shape[:2]) + flow)


def read_at(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """``picture`` (H, W[, C]) at float32 points (h, w, 2), x and y; bilinear, the border repeats."""
    none: Any = None  # OpenCV takes it for the second map, its stubs do not
    return cv2.remap(picture, points, none, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def carry(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``picture`` moved along ``flow``, as the paper does it: read at each pixel minus its flow.

    The flow belongs to the old frame's pixels and is used at the new one's, so it errs where the
    motion changes from pixel to pixel.
    """
    return sample(picture, -flow)


def carry_tensor(pictures: torch.Tensor, flows: torch.Tensor) -> torch.Tensor:
    """``carry`` on the pictures' own device.

    Args:
        pictures: (N, C, H, W), or one for all flows.
        flows: float32 (N, H, W, 2) in their cells.

    Returns:
        (N, C, H, W) in the dtype of ``pictures``.
    """
    height, width = pictures.shape[-2:]
    grid, scale = _sampling_grid(height, width, flows.device)
    points = (grid - flows) * scale - 1.0
    points = points.clamp(-1.0, 1.0)  # the border repeats: padding_mode "border" is not on Apple's GPUs
    source = pictures.float().expand(len(flows), -1, -1, -1)
    moved = F.grid_sample(source, points, "bilinear", padding_mode="zeros", align_corners=True)
    return moved.to(pictures.dtype)


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def _sampling_grid(height: int, width: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """``grid_of`` on a device, and what brings it to the 0..2 between the centres of the outermost cells."""
    grid, sides = torch.tensor(grid_of(height, width)), torch.tensor([width - 1.0, height - 1.0])
    return upload(grid, device), upload(2.0 / sides, device)


def carry_latents(latents: torch.Tensor, flow: np.ndarray) -> torch.Tensor:
    """``carry`` for latents (N, C, h, w), with a flow (H, W, 2) of the full picture."""
    small = torch.from_numpy(shrink_flow(flow, *latents.shape[-2:]))
    return carry_tensor(latents, upload(small, latents.device).expand(len(latents), -1, -1, -1))


def shrink_flow(flow: np.ndarray, height: int, width: int) -> np.ndarray:
    """A flow (H, W, 2) in pixels as one of (height, width, 2) in cells of that grid."""
    factors = np.array([width / flow.shape[1], height / flow.shape[0]], np.float32)
    return cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * factors

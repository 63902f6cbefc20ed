"""How much of a style's change a picture carries, in squared error (docs/measures.md)."""

from __future__ import annotations

import numpy as np


def squared_error(first: np.ndarray, second: np.ndarray) -> float:
    """Mean squared difference of two equal uint8 RGB stacks, on the 0..255 scale."""
    return float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))


def psnr(error: float) -> float:
    """Decibels of a mean squared error on the 0..255 scale."""
    return float(10.0 * np.log10(255.0**2 / max(error, 1e-12)))


def explained_change(output: float, ceiling: float, unchanged: float) -> float:
    """``1 - (output - ceiling) / (unchanged - ceiling)``.

    Args:
        output: MSE(output, target).
        ceiling: MSE(AE(target), target), the best that the autoencoder allows.
        unchanged: MSE(AE(source), target), what doing nothing gives.

    Returns:
        1 for a perfect edit, 0 for no edit, negative for a worse one.
    """
    return 1.0 - (output - ceiling) / (unchanged - ceiling)


def best_colour_map(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The 3x4 affine colour map that brings sources closest to targets, by least squares.

    Args:
        sources, targets: uint8 (N, H, W, 3), aligned.

    Returns:
        float64 (3, 4): ``target = map @ (r, g, b, 1)``.
    """
    x = sources.reshape(-1, 3).astype(np.float64)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    solution, *_ = np.linalg.lstsq(x.T @ x, x.T @ targets.reshape(-1, 3).astype(np.float64), rcond=None)
    return solution.T


def apply_colour_map(sources: np.ndarray, colour_map: np.ndarray) -> np.ndarray:
    """Apply a 3x4 map to uint8 pictures; rounds and clips to uint8."""
    mapped = sources.astype(np.float64) @ colour_map[:, :3].T + colour_map[:, 3]
    return np.uint8(np.clip(np.rint(mapped), 0, 255))

"""What of a picture is hidden in the next one."""

from __future__ import annotations

import numpy as np

from .warp import sample


def visible(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """Pixels that the flow leads to and back (Sundaram, Brox and Keutzer, ECCV 2010).

    Args:
        forward: (H, W, 2) from this picture to the other.
        backward: (H, W, 2) from the other to this one.

    Returns:
        bool (H, W); False where the way back misses the start, or the way out leaves the picture.
    """
    height, width = forward.shape[:2]
    back = sample(backward, forward)
    miss = np.square(forward + back).sum(2)
    limit = 0.01 * (np.square(forward).sum(2) + np.square(back).sum(2)) + 0.5
    y, x = np.mgrid[:height, :width]
    there_x, there_y = x + forward[..., 0], y + forward[..., 1]
    inside = (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)
    return (miss <= limit) & inside

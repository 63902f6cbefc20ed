"""Whether motion is smooth: how well a frame follows from its neighbours."""

from __future__ import annotations

import numpy as np

from ...engine.motion.flow import optical_flow
from ...engine.motion.warp import sample


def interpolation_error(clip: np.ndarray) -> float:
    """How far every odd frame is from what its neighbours' motion says, 0..255 (as VBench, with DIS flow).

    Args:
        clip: uint8 RGB (N, H, W, 3) with N >= 3.
    """
    errors = []
    for index in range(1, len(clip) - 1, 2):
        before, after = clip[index - 1], clip[index + 1]
        halfway = -0.5 * optical_flow(before, after)
        errors.append(np.abs(sample(before.astype(np.float32), halfway) - clip[index]).mean())
    return float(np.mean(errors))

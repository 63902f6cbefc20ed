"""Whether a film's frames come in the right order."""

from __future__ import annotations

import numpy as np


def frame_order(output: np.ndarray, right: np.ndarray) -> float:
    """Kendall's rank correlation of two films' frames: 1 in order, about 0 shuffled, 0 frozen or reversed.

    A pair of frames agrees where the output changes between them in the direction in which the right film
    does. How much does not count, so a soft picture costs nothing, nor does a film that hardly moves.

    Args:
        output, right: uint8 RGB (N, H, W, 3).
    """
    x, y = (_changes(clip) for clip in (output, right))
    first, second = np.triu_indices(len(x), 1)
    together, own = x @ y.T, y @ y.T

    def between(products: np.ndarray) -> np.ndarray:
        """(a_i - a_j) . (b_i - b_j) of every pair, from all a_i . b_j."""
        crossed = products[first, second] + products[second, first]
        return products[first, first] + products[second, second] - crossed

    agreement = np.sign(between(together))[between(own) > 0.0]  # equal frames have no order
    return max(0.0, float(agreement.mean())) if len(agreement) else 1.0


def _changes(clip: np.ndarray) -> np.ndarray:
    """What differs from the mean picture, float64 (N, values)."""
    flat = clip.reshape(len(clip), -1).astype(np.float64)
    return flat - flat.mean(0)

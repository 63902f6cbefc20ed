"""The host's own embeddings, as a model reads them."""

from __future__ import annotations

import torch

from ..errors import SettingError


def fit_external(external: object, length: int, width: int) -> torch.Tensor:
    """A core CONDITIONING as states (1, length, width), padded with zero rows.

    Raises:
        SettingError: it comes from another kind of text encoder.
    """
    states = external[0][0]
    if states.ndim != 3 or states.shape[-1] != width or states.shape[1] > length:
        raise SettingError(
            f"conditioning is {tuple(states.shape)}, this model needs (1, up to {length}, {width}): "
            "use its own text encoder."
        )
    padded = states.new_zeros(1, length, width)
    padded[:, : states.shape[1]] = states[:1]
    return padded

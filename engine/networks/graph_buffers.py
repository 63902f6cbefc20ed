"""Memory of a CUDA graph's own, into which what goes in is written."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch

Given = torch.Tensor | None


class Buffers:
    """Tensors like the given ones, in places that don't change.

    Args:
        seldom: the very tensors that were given last are not written again.
    """

    def __init__(self, given: Sequence[Given], *, seldom: bool = False) -> None:
        self._last = tuple(given) if seldom else None
        self.tensors = [None if x is None else _stored(x).clone().expand(x.shape) for x in given]

    def write(self, given: Sequence[Given]) -> None:
        """Take others' values."""
        for target, new, old in zip(self.tensors, given, self._last or (None,) * len(given), strict=True):
            if target is not None and new is not None and new is not old:
                _stored(target).copy_(_stored(new))
        if self._last is not None:
            self._last = tuple(given)


def layout(x: Given) -> Hashable:
    """What must be the same where a tensor is to take another's place."""
    return None if x is None else (x.shape, x.stride(), x.dtype, x.device)


def _stored(x: torch.Tensor) -> torch.Tensor:
    """A tensor without the copies that ``expand`` pretends."""
    return x[tuple(slice(0, 1) if step == 0 else slice(None) for step in x.stride())]

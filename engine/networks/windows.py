"""3-D windows over a token grid: padding, shifting and grouping as one index, wrapping as one mask."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange

from ..transfers import upload

Triple = tuple[int, int, int]


NO_WRAP = (False, False, False)
"""``window_layout``'s ``wrap`` where the ends of no axis see each other."""


@dataclass(frozen=True)
class WindowLayout:
    """Which tokens of a (frames, rows, columns) grid attend to each other.

    Attributes:
        gather: int64 (windows * tokens a window); the grid's token at each place of each window, 0
            at padding.
        scatter: int64 (frames * rows * columns); the place of each token of the grid.
        windows: how many there are.
        mask: bool (windows, L, L), True where row may attend to column; None where all may.
        in_order: the windows hold the grid's tokens as they come, so that nothing needs to be moved.
    """

    gather: torch.Tensor
    scatter: torch.Tensor
    windows: int
    mask: torch.Tensor | None
    in_order: bool = False

    @property
    def length(self) -> int:
        """L, tokens in a window, padding included."""
        return len(self.gather) // self.windows


def window_layout(
    grid: Triple, window: Triple, *, shifted: bool, wrap: tuple[bool, bool, bool], device: torch.device
) -> WindowLayout:
    """Lay windows over a grid.

    A window larger than the grid shrinks to it; a grid that is no multiple of the window is padded
    at its end, and padding is never attended to. A shifted layout is rolled by half a window along
    each axis that has more than one; where ``wrap`` is False the two ends don't see each other.
    """
    axes = [
        _axis(size, min(side, size), shifted, joined)
        for size, side, joined in zip(grid, window, wrap, strict=True)
    ]
    sizes = [min(side, size) for size, side in zip(grid, window, strict=True)]
    source = torch.stack(torch.meshgrid(*(axis[0] for axis in axes), indexing="ij"), -1)
    ends = torch.meshgrid(*(axis[1] for axis in axes), indexing="ij")
    region = torch.stack([end.long() << bit for bit, end in enumerate(ends)], -1).sum(-1, keepdim=True)
    source, region = _windowed(source, sizes), _windowed(region, sizes)[..., 0]
    real = (source < torch.tensor(grid)).all(-1)
    strides = torch.tensor([grid[1] * grid[2], grid[2], 1])
    gather = torch.where(real, (source * strides).sum(-1), 0)
    scatter = torch.empty(grid[0] * grid[1] * grid[2], dtype=torch.long)
    places = torch.arange(gather.numel()).view_as(gather)
    scatter[gather[real]] = places[real]
    same = (region[:, :, None] == region[:, None]) & real[:, None]
    mask = same | torch.eye(same.shape[-1], dtype=torch.bool)  # so that padding has something to attend to
    return WindowLayout(
        upload(gather.flatten(), device),
        upload(scatter, device),
        len(gather),
        None if bool(mask.all()) else upload(mask, device),
        torch.equal(gather.flatten(), torch.arange(len(scatter))),
    )


def _axis(size: int, window: int, shifted: bool, wrap: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each place of a padded, rolled axis comes from, and which end of the axis that is."""
    padded = -(-size // window) * window
    shift = window // 2 if shifted and padded > window else 0
    rolled = torch.arange(padded) + shift
    return rolled % padded, (rolled >= padded) & (not wrap)


def _windowed(x: torch.Tensor, window: list[int]) -> torch.Tensor:
    """(frames, rows, columns, k) to (windows, tokens a window, k)."""
    f, h, w = window
    return rearrange(x, "(nf f) (nh h) (nw w) k -> (nf nh nw) (f h w) k", f=f, h=h, w=w)

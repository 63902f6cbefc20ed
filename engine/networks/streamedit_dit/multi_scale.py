"""The second scale of StreamEdit-DiT's Multi-Scale Adaptive DiT (preprint 202602.0223, section 3.1)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import nn

from ..rope import Rotation, grid_rotation
from ..transformer import Sizes
from ..window_attention import WindowAttention
from ..windows import NO_WRAP, WindowLayout, window_layout

POOL = 2


class CoarseBranch(nn.Module):
    """Attention between 2x-pooled tokens of the whole buffer, added to the full-resolution tokens.

    A gate of each token decides how much it takes of it. The gate starts at zero, so that an untrained
    branch adds nothing.
    """

    def __init__(self, config: Sizes, theta: float) -> None:
        super().__init__()
        self.theta = theta
        self._plans: dict[tuple, tuple[WindowLayout, Rotation]] = {}
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.attention = WindowAttention(config)
        self.gate = nn.Linear(config.width, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        """Tokens (B, F, rows * columns, width) to the same."""
        frames = x.shape[1]
        normed = self.norm(x)
        planes = rearrange(normed, "b f (h w) d -> (b f) d h w", h=rows)
        pooled = F.avg_pool2d(planes, POOL, ceil_mode=True, count_include_pad=False)
        height, width = pooled.shape[2:]
        layout, rotation = self._plan((frames, height, width), x.shape[-1] // self.attention.heads, x.device)
        tokens = rearrange(pooled, "(b f) d h w -> b (f h w) d", f=frames)
        coarse = rearrange(
            self.attention(tokens, layout, rotation), "b (f h w) d -> b f h w d", f=frames, h=height
        )
        full = repeat(coarse, "b f h w d -> b f (h p) (w q) d", p=POOL, q=POOL)[:, :, :rows, :columns]
        return x + self.gate(normed).tanh() * rearrange(full, "b f h w d -> b f (h w) d")

    def _plan(
        self, grid: tuple[int, int, int], head_width: int, device: torch.device
    ) -> tuple[WindowLayout, Rotation]:
        """One window over all coarse tokens, and their rotation, made once for each grid and device."""
        key = (grid, device)
        if key not in self._plans:
            with torch.inference_mode(False):  # training may follow a preview
                layout = window_layout(grid, grid, shifted=False, wrap=NO_WRAP, device=device)
                self._plans[key] = (layout, grid_rotation(grid, head_width, self.theta, device))
        return self._plans[key]

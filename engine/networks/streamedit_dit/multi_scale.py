"""The second scale of the Multi-Scale Adaptive DiT (the paper's section 3.1), and our reading of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..rotary import rotary_angles
from ..transformer import Sizes
from ..window_attention import WindowAttention
from ..windows import WindowLayout, window_layout

POOL = 2


class CoarseBranch(nn.Module):
    """Attention between 2x-pooled tokens of the whole buffer, added to the full-resolution tokens.

    A gate of each token decides how much it takes of it. The gate starts at zero, so that an untrained
    branch adds nothing.
    """

    def __init__(self, config: Sizes, theta: float) -> None:
        super().__init__()
        self.theta = theta
        self._plans: dict[tuple, tuple[WindowLayout, torch.Tensor]] = {}
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.attention = WindowAttention(config)
        self.gate = nn.Linear(config.width, 1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        """Tokens (B, F, rows * columns, width) to the same."""
        batch, frames, _, width = x.shape
        normed = self.norm(x)
        planes = normed.flatten(0, 1).transpose(1, 2).unflatten(2, (rows, columns))
        pooled = F.avg_pool2d(planes, POOL, ceil_mode=True, count_include_pad=False)
        grid = (frames, *pooled.shape[2:])
        tokens = pooled.flatten(2).transpose(1, 2).reshape(batch, -1, width)
        layout, angles = self._plan(grid, width // self.attention.heads, x.device)
        coarse = self.attention(tokens, layout, angles).view(batch * frames, *grid[1:], width)
        full = coarse.repeat_interleave(POOL, 1).repeat_interleave(POOL, 2)[:, :rows, :columns]
        return x + self.gate(normed).tanh() * full.reshape(x.shape)

    def _plan(
        self, grid: tuple[int, int, int], head_width: int, device: torch.device
    ) -> tuple[WindowLayout, torch.Tensor]:
        """One window over all coarse tokens, and their angles, made once for each grid and device."""
        key = (grid, device)
        if key not in self._plans:
            with torch.inference_mode(False):  # training may follow a preview
                layout = window_layout(grid, grid, shifted=False, wrap=(False,) * 3, device=device)
                self._plans[key] = (layout, rotary_angles(grid, head_width, self.theta, device))
        return self._plans[key]

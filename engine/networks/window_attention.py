"""Self-attention inside 3-D windows, with RMS-normed queries and keys and rotary positions."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import nn

from .fused_attention import attention, fastest
from .rope import Rotation, rotate
from .transformer import RMSNorm, Sizes
from .windows import WindowLayout

Heads = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class WindowAttention(nn.Module):
    """Tokens attend to the tokens of their own window."""

    def __init__(self, config: Sizes) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.norm_q = RMSNorm(config.head_width, eps=1e-6)
        self.norm_k = RMSNorm(config.head_width, eps=1e-6)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: torch.Tensor, layout: WindowLayout, rotation: Rotation) -> torch.Tensor:
        """(B, tokens, width) to the same; ``rotation`` is that of every token, (tokens, head_width / 2)."""
        batch = len(x)
        q, k, v = (part.flatten(0, 1) for part in self.split(x, layout, rotation))
        mask = layout.mask
        if mask is not None:
            mask = mask[None, :, None].expand(batch, -1, -1, -1, -1).flatten(0, 1)
        attended = attention(q, k, v, mask, expects=fastest(mask))
        return self.join(attended.unflatten(0, (batch, layout.windows)), layout)

    def split(self, x: torch.Tensor, layout: WindowLayout, rotation: Rotation) -> Heads:
        """Queries, keys and values in windows, (B, windows, heads, L, head width) each."""
        qkv, by = self.qkv(x), rotation
        if not layout.in_order:
            qkv, by = qkv[:, layout.gather], Rotation(*(part[layout.gather] for part in rotation))
        q, k, v = rearrange(
            qkv, "b (n l) (three h d) -> three b n h l d", n=layout.windows, three=3, h=self.heads
        )
        by = Rotation(*(rearrange(part, "(n l) d -> n 1 l d", n=layout.windows) for part in by))
        return rotate(self.norm_q(q), by), rotate(self.norm_k(k), by), v

    def join(self, attended: torch.Tensor, layout: WindowLayout) -> torch.Tensor:
        """Windows (B, windows, heads, L, head width) back to tokens (B, tokens, width), projected."""
        tokens = rearrange(attended, "b n h l d -> b (n l) (h d)")
        return self.out(tokens if layout.in_order else tokens[:, layout.scatter])

"""Self-attention inside 3-D windows, with RMS-normed queries and keys and rotary positions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .rotary import rotate
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

    def forward(self, x: torch.Tensor, layout: WindowLayout, angles: torch.Tensor) -> torch.Tensor:
        """(B, tokens, width) to the same; ``angles`` (tokens, head_width / 2) of every token."""
        batch = len(x)
        q, k, v = (part.flatten(0, 1) for part in self.split(x, layout, angles))
        mask = layout.mask
        if mask is not None:
            mask = mask[None, :, None].expand(batch, -1, -1, -1, -1).flatten(0, 1)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.join(attended.unflatten(0, (batch, layout.windows)), layout)

    def split(self, x: torch.Tensor, layout: WindowLayout, angles: torch.Tensor) -> Heads:
        """Queries, keys and values in windows, (B, windows, heads, L, head width) each."""
        shape = (len(x), layout.windows, layout.length, 3, self.heads, -1)
        q, k, v = self.qkv(x)[:, layout.gather].view(shape).permute(3, 0, 1, 4, 2, 5)
        turns = angles[layout.gather].view(1, layout.windows, 1, layout.length, -1)
        return rotate(self.norm_q(q), turns), rotate(self.norm_k(k), turns), v

    def join(self, attended: torch.Tensor, layout: WindowLayout) -> torch.Tensor:
        """Windows (B, windows, heads, L, head width) back to tokens (B, tokens, width), projected."""
        tokens = attended.transpose(2, 3).flatten(3).flatten(1, 2)
        return self.out(tokens[:, layout.scatter])

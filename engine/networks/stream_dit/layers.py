"""The layers of a StreamDiT block."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from ...conditioning.states import TextStates
from .config import StreamDiTConfig
from .rope import rotate
from .windows import WindowLayout


@dataclass(frozen=True)
class Context:
    """What every block's cross-attention reads: tokens (B, L, width) and their mask, bool (B, L)."""

    tokens: torch.Tensor
    mask: torch.Tensor

    def expand(self, batch: int) -> Context:
        """One prompt, shared by ``batch`` buffers."""
        return Context(self.tokens.expand(batch, -1, -1), self.mask.expand(batch, -1))


class TextProjection(nn.Module):
    """Joins the text encoders: each is normed and projected on its own, then all are concatenated.

    A learned null token always stands first, so that any subset of encoders will do; none at all is
    the unconditional input of classifier-free guidance.
    """

    def __init__(self, config: StreamDiTConfig) -> None:
        super().__init__()
        self.null = nn.Parameter(torch.randn(1, 1, config.width) * 0.02)
        self.encoders = nn.ModuleDict(
            {
                name: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.width))
                for name, width in config.text
            }
        )

    def forward(self, text: Mapping[str, TextStates], batch: int) -> Context:
        """States of any subset of the encoders, each of ``batch`` prompts."""
        tokens = [self.null.expand(batch, -1, -1)]
        masks = [torch.ones(batch, 1, dtype=torch.bool, device=self.null.device)]
        for name, projection in self.encoders.items():
            if name in text:
                tokens.append(projection(text[name].states.to(self.null.dtype)))
                masks.append(text[name].mask)
        return Context(torch.cat(tokens, 1), torch.cat(masks, 1))


class TimeEmbedding(nn.Module):
    """A noise level for each frame to an embedding for each frame."""

    FREQUENCIES = 128

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * self.FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, sigma: torch.Tensor) -> torch.Tensor:
        """(B, F) in 0..1 to (B, F, width); sigma * 1000 is the sinusoids' argument."""
        exponents = torch.arange(self.FREQUENCIES, device=sigma.device, dtype=torch.float32)
        rates = torch.exp(-math.log(10000.0) * exponents / self.FREQUENCIES)
        angles = sigma.float()[..., None] * 1000.0 * rates
        waves = torch.cat([angles.cos(), angles.sin()], -1)
        return self.mlp(waves.to(self.mlp[0].weight.dtype))


class RMSNorm(nn.RMSNorm):
    """In the input's own dtype, also under autocast."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class WindowAttention(nn.Module):
    """Self-attention inside 3-D windows, with RMS-normed queries and keys and rotary positions."""

    def __init__(self, config: StreamDiTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.norm_q = RMSNorm(config.head_width, eps=1e-6)
        self.norm_k = RMSNorm(config.head_width, eps=1e-6)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: torch.Tensor, layout: WindowLayout, angles: torch.Tensor) -> torch.Tensor:
        """(B, tokens, width) to the same; ``angles`` (tokens, head_width / 2) of every token."""
        batch, tokens, width = x.shape
        shape = (batch * layout.windows, layout.length, 3, self.heads, width // self.heads)
        q, k, v = self.qkv(x)[:, layout.gather].view(shape).permute(2, 0, 3, 1, 4)
        turns = angles[layout.gather].view(1, layout.windows, 1, layout.length, -1)
        turns = turns.expand(batch, -1, -1, -1, -1).flatten(0, 1)
        q, k = rotate(self.norm_q(q), turns), rotate(self.norm_k(k), turns)
        mask = layout.mask
        if mask is not None:
            mask = mask[None, :, None].expand(batch, -1, -1, -1, -1).flatten(0, 1)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x.transpose(1, 2).reshape(batch, -1, width)
        return self.out(x[:, layout.scatter])


class CrossAttention(nn.Module):
    """Attention to the prompt's tokens."""

    def __init__(self, config: StreamDiTConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.q = nn.Linear(config.width, config.width)
        self.kv = nn.Linear(config.width, 2 * config.width)
        self.norm_q = RMSNorm(config.head_width, eps=1e-6)
        self.norm_k = RMSNorm(config.head_width, eps=1e-6)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: torch.Tensor, context: Context) -> torch.Tensor:
        """(B, tokens, width) to the same."""
        batch, _, width = x.shape
        heads = (self.heads, width // self.heads)
        q = self.q(x).unflatten(-1, heads).transpose(1, 2)
        k, v = self.kv(context.tokens).unflatten(-1, (2, *heads)).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(
            self.norm_q(q), self.norm_k(k), v, attn_mask=context.mask[:, None, None]
        )
        return self.out(x.transpose(1, 2).reshape(batch, -1, width))


class FeedForward(nn.Sequential):
    """Linear, GELU, Linear."""

    def __init__(self, config: StreamDiTConfig) -> None:
        hidden = config.mlp_ratio * config.width
        super().__init__(
            nn.Linear(config.width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, config.width)
        )

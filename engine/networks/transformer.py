"""The layers that our video transformers have in common: text, time, norms, cross-attention, feed-forward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import nn

from ..conditioning.states import TextStates
from .adaln import gate, modulate, sinusoid
from .fused_attention import attention, fastest


class Sizes(Protocol):
    """What these layers read of a network's configuration; see ``StreamDiTConfig`` for each."""

    @property
    def width(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def head_width(self) -> int: ...
    @property
    def mlp_ratio(self) -> int: ...
    @property
    def text(self) -> tuple[tuple[str, int], ...]: ...


class TextProjection(nn.Module):
    """Joins the text encoders: each is normed and projected on its own, then all are concatenated.

    A learned null token always stands first, so that any subset of encoders will do; none at all is
    the unconditional input of classifier-free guidance.
    """

    def __init__(self, config: Sizes) -> None:
        super().__init__()
        self.null = nn.Parameter(torch.randn(1, 1, config.width) * 0.02)
        self.encoders = nn.ModuleDict(
            {
                name: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.width))
                for name, width in config.text
            }
        )

    def forward(self, text: Mapping[str, TextStates], batch: int) -> TextStates:
        """States of any subset of the encoders, each of ``batch`` prompts."""
        parts = [TextStates(self.null.expand(batch, -1, -1), None)]
        for name, projection in self.encoders.items():
            if name in text:
                parts.append(replace(text[name], states=projection(text[name].states.to(self.null.dtype))))
        padded = any(part.mask is not None for part in parts)
        mask = torch.cat([part.said for part in parts], 1) if padded else None
        return TextStates(torch.cat([part.states for part in parts], 1), mask)


class TimeEmbedding(nn.Module):
    """A noise level for each frame to an embedding for each frame."""

    FREQUENCIES = 128

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * self.FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, sigma: torch.Tensor) -> torch.Tensor:
        """(B, F) in 0..1 to (B, F, width); sigma * 1000 is the sinusoids' argument."""
        encoded = sinusoid(sigma.float() * 1000.0, 2 * self.FREQUENCIES)
        first = self.mlp[0]
        assert isinstance(first, nn.Linear)
        return self.mlp(encoded.to(first.weight.dtype))


class RMSNorm(nn.RMSNorm):
    """In the input's own dtype, also under autocast."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class CrossAttention(nn.Module):
    """Attention to the prompt's tokens."""

    def __init__(self, config: Sizes) -> None:
        super().__init__()
        self.heads = config.heads
        self.q = nn.Linear(config.width, config.width)
        self.kv = nn.Linear(config.width, 2 * config.width)
        self.norm_q = RMSNorm(config.head_width, eps=1e-6)
        self.norm_k = RMSNorm(config.head_width, eps=1e-6)
        self.out = nn.Linear(config.width, config.width)

    def forward(self, x: torch.Tensor, text: TextStates) -> torch.Tensor:
        """(B, tokens, width) to the same."""
        q = rearrange(self.q(x), "b l (h d) -> b h l d", h=self.heads)
        k, v = rearrange(self.kv(text.states), "b l (two h d) -> two b h l d", two=2, h=self.heads)
        mask = None if text.mask is None else text.mask[:, None, None]
        x = attention(self.norm_q(q), self.norm_k(k), v, mask, expects=fastest(mask))
        return self.out(rearrange(x, "b h l d -> b l (h d)"))


class FeedForward(nn.Sequential):
    """Linear, GELU, Linear."""

    def __init__(self, config: Sizes) -> None:
        hidden = config.mlp_ratio * config.width
        super().__init__(
            nn.Linear(config.width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, config.width)
        )


class Block(nn.Module):
    """Self-attention, text cross-attention, feed-forward; the first and the last gated by time.

    Args:
        attention: (B, F * S, width) and whatever ``forward`` is given last to the same.
    """

    def __init__(self, config: Sizes, attention: nn.Module) -> None:
        super().__init__()
        width = config.width
        self.modulation = nn.Parameter(torch.zeros(6, width))
        self.norm1 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.attention = attention
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.cross_attention = CrossAttention(config)
        self.norm3 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.feed_forward = FeedForward(config)

    def forward(self, x: torch.Tensor, time: torch.Tensor, text: TextStates, *pattern: Any) -> torch.Tensor:
        """x (B, F, S, d) and time (B, F, 6, d) to x; ``pattern`` says who attends to whom."""
        frames = x.shape[1]
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = (self.modulation + time).unbind(2)
        tokens = rearrange(modulate(self.norm1(x), shift_a, scale_a), "b f s d -> b (f s) d")
        tokens = self.attention(tokens, *pattern)
        x = x + gate(rearrange(tokens, "b (f s) d -> b f s d", f=frames), gate_a)
        tokens = self.cross_attention(rearrange(self.norm2(x), "b f s d -> b (f s) d"), text)
        x = x + rearrange(tokens, "b (f s) d -> b f s d", f=frames)
        return x + gate(self.feed_forward(modulate(self.norm3(x), shift_f, scale_f)), gate_f)


def to_tokens(embedding: nn.Conv2d, latents: torch.Tensor) -> torch.Tensor:
    """Frames (B, F, C, h, w) to one token a patch, (B, F, S, width)."""
    planes = rearrange(latents, "b f c h w -> (b f) c h w").to(embedding.weight.dtype)
    return rearrange(embedding(planes), "(b f) d h w -> b f (h w) d", f=latents.shape[1])


def from_tokens(x: torch.Tensor, patch: int, height: int) -> torch.Tensor:
    """Tokens (B, F, S, C * patch * patch) back to frames (B, F, C, height, width)."""
    rows = height // patch
    return rearrange(x, "b f (h w) (c p q) -> b f c (h p) (w q)", h=rows, p=patch, q=patch)

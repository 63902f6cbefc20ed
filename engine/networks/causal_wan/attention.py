"""The two attentions of a block. Parameters are named as in Wan's files."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import nn

from ...cache.view import LayerReuse, LayerView
from ..fused_attention import attention, fastest
from ..rope import Rotation, rotate
from .config import CausalWanConfig


def attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None = None
) -> torch.Tensor:
    """Scaled dot-product attention of (B, tokens, heads, head width); returns (B, tokens, dim)."""
    q, k, v = (rearrange(part, "b l h d -> b h l d") for part in (q, k, v))
    return rearrange(attention(q, k, v, mask, expects=fastest(mask)), "b h l d -> b l (h d)")


class _Attention(nn.Module):
    """Projections with RMS norms of queries and keys over the full width, before heads are split."""

    def __init__(self, config: CausalWanConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads = config.heads
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))
        self.norm_q, self.norm_k = nn.RMSNorm(dim, config.eps), nn.RMSNorm(dim, config.eps)

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """(..., dim) to (..., heads, head width)."""
        return rearrange(x, "... (h d) -> ... h d", h=self.heads)


class SelfAttention(_Attention):
    """Attention over the cached frames and the current ones."""

    def forward(
        self,
        x: torch.Tensor,
        queries: Rotation,
        keys: Rotation | None,
        view: LayerView | None,
        mask: torch.Tensor | None,
        uncached_tokens: int = 0,
        reuse: LayerReuse | None = None,
    ) -> torch.Tensor:
        """Attend, and leave this layer's keys and values in the cache.

        Args:
            x: (B, tokens, dim).
            queries: rotation of the tokens of ``x``, (tokens, 1, head width / 2).
            keys: rotation of everything in ``view``, whose keys are raw, and of the uncached tokens; None
                where keys are kept rotated.
            view: this layer's part of the cache, or None without one.
            mask: see ``CausalWan.forward``.
            uncached_tokens: how many tokens, the last ones, are attended to but not written to the cache.
            reuse: the output is left there; where it names tokens, only they attend and are written, and
                the others' output, keys and values stay as they were. Not with uncached tokens.
        """
        chosen = None if reuse is None else reuse.chosen
        if chosen is not None:
            x, queries = x[:, chosen], queries.at(chosen)
            mask = mask if mask is None or mask.shape[2] == 1 else mask[:, :, chosen]
        q = rotate(self.split(self.norm_q(self.q(x))), queries)
        k = self.split(self.norm_k(self.k(x)))
        v = self.split(self.v(x))
        if keys is None:
            k = rotate(k, queries)
        if view is not None:
            own = k.shape[1] - uncached_tokens
            seen = view.put(k[:, :own], v[:, :own], chosen)
            k, v = (_followed(kept, new[:, own:]) for kept, new in zip(seen, (k, v), strict=True))
        if keys is not None:
            k = rotate(k, keys)
        made = self.o(attend(q, k, v, mask))
        if reuse is None:
            return made
        return reuse.output.copy_(made) if chosen is None else reuse.output.index_copy_(1, chosen, made)


def _followed(kept: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
    """Tokens (B, tokens, ...) with more after them; without a copy where there are none."""
    return torch.cat([kept, more], dim=1) if more.shape[1] else kept


class CrossAttention(_Attention):
    """Attention to the text. Padding rows take part: models are trained with them."""

    def project(self, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values (B, frames or 1, length, heads, head width) of embedded text (.., length, dim)."""
        return self.split(self.norm_k(self.k(text))), self.split(self.v(text))

    def forward(self, x: torch.Tensor, text: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Attend from (B, tokens, dim); with a text for every frame, each frame to its own."""
        k, v = text
        batch, frames = len(x), k.shape[1]
        q = rearrange(self.split(self.norm_q(self.q(x))), "b (f l) h d -> (b f) l h d", f=frames)
        k, v = (rearrange(part.expand(batch, -1, -1, -1, -1), "b f l h d -> (b f) l h d") for part in (k, v))
        return self.o(rearrange(attend(q, k, v), "(b f) l d -> b (f l) d", f=frames))

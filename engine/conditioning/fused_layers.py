"""Layers of Qwen3-VL's language model in fewer kernels than transformers', the same to the bit on a CPU."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextAttention, Qwen3VLTextRMSNorm

from .prefix import CACHE

Rotation = tuple[torch.Tensor, torch.Tensor]
"""Cosine and sine of every token's angles, (B, tokens, head width)."""


class FusedRMSNorm(Qwen3VLTextRMSNorm):
    """One kernel on a CUDA device, where transformers' own takes eight."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        if not hidden_states.is_cuda:
            return super().forward(hidden_states)
        return F.rms_norm(hidden_states, self.weight.shape, self.weight, self.variance_epsilon)


class FusedAttention(Qwen3VLTextAttention):
    """Queries and keys are turned together, in four kernels where transformers' own takes ten."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: Rotation,
        attention_mask: torch.Tensor | None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, None]:
        heads = (*hidden_states.shape[:-1], -1, self.head_dim)
        q = self.q_norm(self.q_proj(hidden_states).view(heads))
        k = self.k_norm(self.k_proj(hidden_states).view(heads))
        v = self.v_proj(hidden_states).view(heads).transpose(1, 2)
        cos, sin = (part.unsqueeze(2) for part in position_embeddings)
        q, k = turned(torch.cat([q, k], 2), cos, sin).transpose(1, 2).split([q.shape[2], k.shape[2]], 1)
        cache = kwargs.get(CACHE)
        if cache is not None:
            k, v = cache.update(k, v, self.layer_idx)
        attended, _ = sdpa_attention_forward(self, q, k, v, attention_mask, scaling=self.scaling)
        return self.o_proj(attended.flatten(2)), None


def turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """``x`` (..., d) turned by angles; the sine's first half is negative, see ``signed``.

    transformers puts halves of a head together as (-second, first); here the sign is the sine's.
    """
    rolled = x.roll(x.shape[-1] // 2, -1)
    return torch.addcmul(x * cos, rolled, sin) if x.is_cuda else x * cos + rolled * sin


def signed(sin: torch.Tensor) -> torch.Tensor:
    """A sine (..., d) with its first half negated, as ``turned`` takes it."""
    first, second = sin.chunk(2, -1)
    return torch.cat([-first, second], -1)


def fuse(language_model: nn.Module) -> None:
    """Let a language model of transformers use these layers."""
    for module in language_model.modules():
        if type(module) is Qwen3VLTextRMSNorm:
            module.__class__ = FusedRMSNorm
        elif type(module) is Qwen3VLTextAttention:
            module.__class__ = FusedAttention
    language_model.rotary_emb.register_forward_hook(_sign)


def _sign(_module: nn.Module, _inputs: object, rotation: Rotation) -> Rotation:
    cos, sin = rotation
    return cos, signed(sin)

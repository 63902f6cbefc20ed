"""PTCM, StreamEdit-DiT's Progressive Temporal Consistency Module (preprint 202602.0223).

The paper embeds temporal attention and cross-frame feature fusion in the transformer, so that
z_t = DiT(z_t, P, Context(z_{t-k:t-1})). Here every frame attends, place by place, to itself and the k
frames before it; k grows with depth. Noisy frames count less: a frame at level sigma has the prior
weight 1 - sigma. A gate that starts at zero fuses what was found, so that an untrained module adds nothing.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import nn

from ..fused_attention import attention
from ..rope import Rotation, axis_angles, rotate
from ..transformer import RMSNorm, Sizes

FAINTEST = 1e-3
"""Prior weight of a frame that is all noise."""


class PTCM(nn.Module):
    """Temporal attention with gated cross-frame fusion.

    Args:
        context: k, frames before its own that a frame sees.
        theta: base of the rotary frequencies over time.
    """

    def __init__(self, config: Sizes, context: int, theta: float) -> None:
        super().__init__()
        width = config.width
        self.heads, self.context, self.theta = config.heads, context, theta
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.norm_q = RMSNorm(config.head_width, eps=1e-6)
        self.norm_k = RMSNorm(config.head_width, eps=1e-6)
        self.fuse = nn.Linear(3 * width, width)
        self.gate = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Tokens (B, F, S, width) and noise levels (B, F) to tokens."""
        normed = self.norm(x)
        prior = frame_prior(sigma, self.context)
        found = self._attend(normed.transpose(1, 2), prior)
        past = prior.tril(-1)
        past = past / past.sum(-1, keepdim=True).clamp(min=FAINTEST)
        history = torch.einsum("bfg,bgsd->bfsd", past.to(x.dtype), normed)
        fused = self.fuse(torch.cat([normed, found.transpose(1, 2), history], -1))
        return x + self.gate.tanh() * fused

    def _attend(self, x: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
        """Along time at every place: (B, S, F, width) with a prior weight (B, F, F) for each pair."""
        places, frames, width = x.shape[1:]
        q, k, v = rearrange(self.qkv(x), "b s f (three h d) -> three (b s) h f d", three=3, h=self.heads)
        positions = torch.arange(frames, device=x.device, dtype=torch.float32)
        by = Rotation.of(axis_angles(positions, width // self.heads // 2, self.theta))
        q, k = rotate(self.norm_q(q), by), rotate(self.norm_k(k), by)
        bias = prior.log().to(x.dtype)[:, None, None]  # log 0 hides what is out of reach
        bias = rearrange(bias.expand(-1, places, -1, -1, -1), "b s 1 f g -> (b s) 1 f g")
        found = attention(q, k, v, bias, expects="efficient")
        return rearrange(found, "(b s) h f d -> b s f (h d)", s=places)


def frame_prior(sigma: torch.Tensor, context: int) -> torch.Tensor:
    """How much frame j (column) may count for frame i (row), float32 (B, F, F).

    1 for the frame itself, 1 - sigma_j for the ``context`` frames before it, 0 for all others.
    """
    frames = sigma.shape[1]
    back = torch.arange(frames, device=sigma.device)
    distance = back[:, None] - back[None]
    reach = (distance > 0) & (distance <= context)
    own = torch.eye(frames, device=sigma.device)
    return own + reach * (1.0 - sigma.float())[:, None].clamp(min=FAINTEST)

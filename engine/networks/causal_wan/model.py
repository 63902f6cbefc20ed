"""Wan 2.1's video transformer with a timestep per frame, its cache and rotations as arguments.

diffusers' ``WanTransformer3DModel`` computes the same for a whole clip; it has no frame offset, no
cache and no cheap per-frame timestep, and state hidden in its processors costs one compiled graph
per layer and cache position. Here all of that comes in as arguments, so that all layers share their
graphs. Keys are the original ones, as public causal checkpoints have them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from ...cache.view import BlockView, LayerView
from .attention import CrossAttention, SelfAttention
from .config import PATCH, CausalWanConfig
from .rope import Rotation, rotation

TextContext = tuple[tuple[torch.Tensor, torch.Tensor], ...]
"""Keys and values of the text for each layer."""


def modulate(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """``x * (1 + scale) + shift`` with one vector (B, F, dim) for all tokens of a frame."""
    return (_frames(x, shift) * (1 + scale.unsqueeze(2)) + shift.unsqueeze(2)).flatten(1, 2)


def gate(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """``x * by`` with one vector (B, F, dim) for all tokens of a frame."""
    return (_frames(x, by) * by.unsqueeze(2)).flatten(1, 2)


def _frames(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return x.unflatten(1, (like.shape[1], -1))


class Block(nn.Module):
    """Self-attention, attention to the text, feed-forward; the first and the last gated by the timestep."""

    def __init__(self, config: CausalWanConfig) -> None:
        super().__init__()
        dim = config.dim
        self.norm1 = nn.LayerNorm(dim, config.eps, elementwise_affine=False)
        self.self_attn = SelfAttention(config)
        self.norm3 = nn.LayerNorm(dim, config.eps)
        self.cross_attn = CrossAttention(config)
        self.norm2 = nn.LayerNorm(dim, config.eps, elementwise_affine=False)
        self.ffn = nn.Sequential(
            nn.Linear(dim, config.ffn_dim), nn.GELU("tanh"), nn.Linear(config.ffn_dim, dim)
        )
        self.modulation = nn.Parameter(torch.randn(1, 6, dim) / dim**0.5)

    def forward(
        self,
        x: torch.Tensor,
        time: torch.Tensor,
        context: tuple[torch.Tensor, torch.Tensor],
        queries: Rotation,
        keys: Rotation | None = None,
        view: LayerView | None = None,
        mask: torch.Tensor | None = None,
        uncached_tokens: int = 0,
    ) -> torch.Tensor:
        """(B, tokens, dim) to the same; ``time`` is (B, F, 6, dim), the rest as in ``SelfAttention``."""
        shift_sa, scale_sa, gate_sa, shift_ff, scale_ff, gate_ff = (self.modulation + time).unbind(2)
        shifted = modulate(self.norm1(x), shift_sa, scale_sa)
        x = x + gate(self.self_attn(shifted, queries, keys, view, mask, uncached_tokens), gate_sa)
        x = x + self.cross_attn(self.norm3(x), context)
        return x + gate(self.ffn(modulate(self.norm2(x), shift_ff, scale_ff)), gate_ff)


class Head(nn.Module):
    """From tokens to patches of the output."""

    def __init__(self, config: CausalWanConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.dim, config.eps, elementwise_affine=False)
        self.head = nn.Linear(config.dim, config.out_channels * PATCH**2)
        self.modulation = nn.Parameter(torch.randn(1, 2, config.dim) / config.dim**0.5)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """(B, tokens, dim) and (B, F, dim) to (B, tokens, patch * patch * channels)."""
        shift, scale = (self.modulation + time.unsqueeze(2)).unbind(2)
        return self.head(modulate(self.norm(x), shift, scale))


class CausalWan(nn.Module):
    """The network; ``config`` says its sizes."""

    def __init__(self, config: CausalWanConfig) -> None:
        super().__init__()
        self.config = config
        dim, patch = config.dim, (1, PATCH, PATCH)
        self.patch_embedding = nn.Conv3d(config.in_channels, dim, patch, patch)
        self.text_embedding = nn.Sequential(
            nn.Linear(config.text_dim, dim), nn.GELU("tanh"), nn.Linear(dim, dim)
        )
        self.time_embedding = nn.Sequential(nn.Linear(config.freq_dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.time_projection = nn.Sequential(nn.SiLU(), nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.head = Head(config)

    @property
    def device(self) -> torch.device:
        return self.patch_embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.patch_embedding.weight.dtype

    def rotation(self, positions: Sequence[int], height: int, width: int, kind: int = 0) -> Rotation:
        """The rotation of frames at these temporal positions; height and width in latents."""
        grid = (height // PATCH, width // PATCH)
        return rotation(positions, *grid, self.config.head_width, self.device, kind)

    def text_context(self, text: torch.Tensor) -> TextContext:
        """Keys and values of a text for every layer, good until the text changes.

        Args:
            text: states (B, length, text_dim), padded with zero rows to the length that the model
                was trained with; or (B, F, length, text_dim), a text for every frame.
        """
        embedded = self.text_embedding(text.to(self.dtype))
        if embedded.ndim == 3:
            embedded = embedded.unsqueeze(1)
        return tuple(block.cross_attn.context(embedded) for block in self.blocks)

    def forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: TextContext,
        queries: Rotation,
        cache: BlockView | None = None,
        keys: Rotation | None = None,
        mask: torch.Tensor | None = None,
        uncached_frames: int = 0,
    ) -> torch.Tensor:
        """What the network predicts (a velocity in Wan's checkpoints) for some frames.

        Args:
            x: noisy latents (B, F, in_channels, h, w); h and w even.
            timesteps: (B, F), ``sigma * 1000`` of each frame.
            context: from ``text_context``.
            queries: rotation of these frames.
            cache: what they see besides each other; their own keys and values are written into it.
            keys: rotation of all that ``cache`` shows, where it keeps keys without rotation.
            mask: added to or, if bool, restricting the attention, broadcastable to
                (B, heads, query tokens, key tokens).
            uncached_frames: the last so many frames are seen but not kept by ``cache``: a source as
                tokens.

        Returns:
            (B, F - uncached_frames, out_channels, h, w).
        """
        height, width = x.shape[-2:]
        tokens = self.patch_embedding(x.transpose(1, 2)).flatten(2).transpose(1, 2)
        time = self.time_embedding(sinusoid(timesteps, self.config.freq_dim).to(self.dtype))
        modulation = self.time_projection(time).unflatten(2, (6, -1))
        kept, uncached_tokens = x.shape[1] - uncached_frames, tokens.shape[1] * uncached_frames // x.shape[1]
        for index, block in enumerate(self.blocks):
            view = None if cache is None else cache.layer(index)
            tokens = block(tokens, modulation, context[index], queries, keys, view, mask, uncached_tokens)
        patches = self.head(tokens[:, : tokens.shape[1] - uncached_tokens], time[:, :kept])
        return self._unpatchify(patches, kept, height, width)

    def _unpatchify(self, patches: torch.Tensor, frames: int, height: int, width: int) -> torch.Tensor:
        grid = (frames, height // PATCH, width // PATCH, PATCH, PATCH, self.config.out_channels)
        picture = patches.unflatten(1, grid[:3]).unflatten(-1, grid[3:])
        return picture.permute(0, 1, 6, 2, 4, 3, 5).flatten(5, 6).flatten(3, 4)


def sinusoid(timesteps: torch.Tensor, length: int) -> torch.Tensor:
    """Encode timesteps (any shape) as cosines, then sines: float32 (*shape, length)."""
    # Apple's GPUs have no float64; on others a copy to the CPU would wait for all work before it
    exact = timesteps.cpu() if timesteps.device.type == "mps" else timesteps
    half = torch.arange(length // 2, dtype=torch.float64, device=exact.device)
    frequencies = torch.exp(-math.log(10000.0) / (length // 2) * half)
    angles = exact.double().unsqueeze(-1) * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1).float().to(timesteps.device)

"""Wan 2.1's video transformer with a timestep per frame, its cache and rotations as arguments.

diffusers' ``WanTransformer3DModel`` computes the same for a whole clip; it has no frame offset, no
cache and no cheap per-frame timestep, and state hidden in its processors costs one compiled graph
per layer and cache position. Here all of that comes in as arguments, so that all layers share their
graphs. Keys are the original ones, as public causal checkpoints have them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import cast

import torch
from einops import rearrange
from torch import nn

from ...cache.view import BlockView, LayerReuse, LayerView
from ...transfers import upload
from ..adaln import gate, modulate, sinusoid
from ..rope import Rotation, axis_angles, over_grid, split_axes
from .attention import CrossAttention, SelfAttention
from .config import PATCH, CausalWanConfig

THETA = 10000.0
"""Base of the rotary frequencies."""

THETA_KIND = 256.0
"""The same for the kind of a token."""

CrossAttentionKV = tuple[tuple[torch.Tensor, torch.Tensor], ...]
"""Keys and values of the text for each layer."""


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
        text: tuple[torch.Tensor, torch.Tensor],
        queries: Rotation,
        keys: Rotation | None = None,
        view: LayerView | None = None,
        mask: torch.Tensor | None = None,
        uncached_tokens: int = 0,
        reuse: LayerReuse | None = None,
    ) -> torch.Tensor:
        """Tokens (B, F, S, dim) to the same; ``time`` is (B, F, 6, dim), the rest as in ``SelfAttention``."""
        shift_sa, scale_sa, gate_sa, shift_ff, scale_ff, gate_ff = (self.modulation + time).unbind(2)
        frames = x.shape[1]
        tokens = rearrange(modulate(self.norm1(x), shift_sa, scale_sa), "b f s d -> b (f s) d")
        tokens = self.self_attn(tokens, queries, keys, view, mask, uncached_tokens, reuse)
        x = x + gate(rearrange(tokens, "b (f s) d -> b f s d", f=frames), gate_sa)
        tokens = self.cross_attn(rearrange(self.norm3(x), "b f s d -> b (f s) d"), text)
        x = x + rearrange(tokens, "b (f s) d -> b f s d", f=frames)
        return x + gate(self.ffn(modulate(self.norm2(x), shift_ff, scale_ff)), gate_ff)


class Head(nn.Module):
    """From tokens to patches of the output."""

    def __init__(self, config: CausalWanConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.dim, config.eps, elementwise_affine=False)
        self.head = nn.Linear(config.dim, config.out_channels * PATCH**2)
        self.modulation = nn.Parameter(torch.randn(1, 2, config.dim) / config.dim**0.5)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """Tokens (B, F, S, dim) and time (B, F, dim) to (B, F, S, patch * patch * channels)."""
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
    def devices(self) -> tuple[torch.device, ...]:
        """Of each block; the last ones may be on a card of their own."""
        return tuple(block.modulation.device for block in cast("Iterable[Block]", self.blocks))

    @property
    def dtype(self) -> torch.dtype:
        return self.patch_embedding.weight.dtype

    def rotation(self, positions: Sequence[int], height: int, width: int, kind: int = 0) -> Rotation:
        """The rotation of all tokens of some frames; cosine and sine (tokens, 1, head width / 2).

        Angles are computed in float64 on the CPU, so positions may be as large as a stream is long: axis by
        axis, which are few numbers, and kept; tokens get theirs on the device.

        Args:
            positions: temporal position of each frame.
            height, width: of a frame in latents.
            kind: turns tokens of another kind (1: a source's) apart from those at the same place.
        """
        grid = (height // PATCH, width // PATCH)
        cos, sin = _axes(tuple(positions), grid, kind, self.config.head_width, self.device)
        return Rotation(over_grid(*cos)[:, None], over_grid(*sin)[:, None])

    def cross_attention_kv(self, text: torch.Tensor) -> CrossAttentionKV:
        """Keys and values of a text for every layer, good until the text changes.

        Args:
            text: states (B, length, text_dim), padded with zero rows to the length that the model
                was trained with; or (B, F, length, text_dim), a text for every frame.
        """
        embedded = self.text_embedding(text.to(self.dtype))
        if embedded.ndim == 3:
            embedded = embedded.unsqueeze(1)
        there = {device: upload(embedded, device) for device in dict.fromkeys(self.devices)}
        blocks = zip(cast("Iterable[Block]", self.blocks), self.devices, strict=True)
        return tuple(block.cross_attn.project(there[device]) for block, device in blocks)

    def forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        text: CrossAttentionKV,
        queries: Rotation,
        cache: BlockView | None = None,
        keys: Rotation | None = None,
        mask: torch.Tensor | None = None,
        uncached_frames: int = 0,
        reuse: Sequence[LayerReuse] | None = None,
        kept_only: bool = False,
    ) -> torch.Tensor:
        """What the network predicts (a velocity in Wan's checkpoints) for some frames.

        Args:
            x: noisy latents (B, F, in_channels, h, w); h and w even.
            timesteps: (B, F), ``sigma * 1000`` of each frame.
            text: its keys and values, from ``cross_attention_kv``.
            queries: rotation of these frames.
            cache: what they see besides each other; their own keys and values are written into it.
            keys: rotation of all that ``cache`` shows, where it keeps keys without rotation.
            mask: added to or, if bool, restricting the attention, broadcastable to
                (B, heads, query tokens, key tokens).
            uncached_frames: the last so many frames are seen but not kept by ``cache``: a source as
                tokens.
            reuse: of each layer's self-attention, see ``SelfAttention``.
            kept_only: end at the last block, for what ``cache`` keeps. Where blocks are on two cards nothing
                comes back then, and the first half may go on with other frames while the second is at these.

        Returns:
            (B, F - uncached_frames, out_channels, h, w); with ``kept_only`` without frames.
        """
        rows, kept = x.shape[-2] // PATCH, x.shape[1] - uncached_frames
        planes = self.patch_embedding(rearrange(x, "b f c h w -> b c f h w"))
        tokens = rearrange(planes, "b d f h w -> b f (h w) d")
        encoded = sinusoid(timesteps, self.config.freq_dim, torch.float64)
        time = self.time_embedding(encoded.to(self.dtype))
        modulation = rearrange(self.time_projection(time), "b f (six d) -> b f six d", six=6)
        uncached_tokens = uncached_frames * tokens.shape[2]
        for index, (block, device) in enumerate(zip(self.blocks, self.devices, strict=True)):
            if tokens.device != device:
                tokens, modulation = upload(tokens, device), upload(modulation, device)
                queries, keys = queries.on(device), None if keys is None else keys.on(device)
                mask = None if mask is None else upload(mask, device)
            view = None if cache is None else cache.layer(index)
            kept_output = None if reuse is None else reuse[index]
            tokens = block(
                tokens, modulation, text[index], queries, keys, view, mask, uncached_tokens, kept_output
            )
        if kept_only:
            return x[:, :0, : self.config.out_channels]
        patches = self.head(upload(tokens[:, :kept], time.device), time[:, :kept])
        return rearrange(patches, "b f (h w) (p q c) -> b f c (h p) (w q)", h=rows, p=PATCH, q=PATCH)


Axes = tuple[torch.Tensor, ...]


@lru_cache(maxsize=64)
@torch.inference_mode(False)
def _axes(
    positions: tuple[int, ...], grid: tuple[int, int], kind: int, head_width: int, device: torch.device
) -> tuple[Axes, Axes]:
    """Cosines, and sines, of the angles along time, height and width, (positions, pairs) each."""
    pairs = split_axes(head_width)
    of_kind = axis_angles(torch.tensor([float(kind)]).double(), sum(pairs), THETA_KIND).split(pairs, -1)
    axes = [torch.tensor(list(axis)).double() for axis in (positions, range(grid[0]), range(grid[1]))]
    angles = [axis_angles(axis, n, THETA) + more for axis, n, more in zip(axes, pairs, of_kind, strict=True)]
    by = Rotation.of(torch.cat([part.flatten() for part in angles]))
    cos, sin = upload(torch.stack(by), device)
    sizes = [part.numel() for part in angles]

    def shaped(values: torch.Tensor) -> Axes:
        return tuple(map(torch.Tensor.view_as, values.split(sizes), angles))

    return shaped(cos), shaped(sin)

"""StreamDiT: an adaLN diffusion transformer in which every frame has a noise level of its own.

arXiv 2507.03745, section 3.3. What the paper leaves open is ours: RMS-normed queries and keys, 3-D rotary
positions, and one time projection shared by all blocks with a table each (26 blocks of width 3072
then have 4 billion parameters).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ...conditioning.states import TextStates
from .config import StreamDiTConfig
from .layers import (
    Context,
    CrossAttention,
    FeedForward,
    TextProjection,
    TimeEmbedding,
    WindowAttention,
)
from .rope import rotary_angles
from .windows import WindowLayout, window_layout


def modulate(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """adaLN: scale and shift every frame's tokens, x (B, F, S, d), the others (B, F, 1, d)."""
    return x * (1.0 + scale) + shift


class Block(nn.Module):
    """Window self-attention, text cross-attention, feed-forward; the first and the last gated by time."""

    def __init__(self, config: StreamDiTConfig) -> None:
        super().__init__()
        width = config.width
        self.modulation = nn.Parameter(torch.zeros(6, width))
        self.norm1 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.attention = WindowAttention(config)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.cross_attention = CrossAttention(config)
        self.norm3 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.feed_forward = FeedForward(config)

    def forward(
        self,
        x: torch.Tensor,
        time: torch.Tensor,
        layout: WindowLayout,
        angles: torch.Tensor,
        context: Context,
    ) -> torch.Tensor:
        """x (B, F, S, d) and time (B, F, 6, d) to x."""
        frames = (x.shape[1], x.shape[2])
        chunks = (self.modulation + time)[:, :, :, None].unbind(2)
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = chunks
        attended = self.attention(modulate(self.norm1(x), shift_a, scale_a).flatten(1, 2), layout, angles)
        x = x + gate_a * attended.unflatten(1, frames)
        x = x + self.cross_attention(self.norm2(x).flatten(1, 2), context).unflatten(1, frames)
        return x + gate_f * self.feed_forward(modulate(self.norm3(x), shift_f, scale_f))


class StreamDiT(nn.Module):
    """Predicts the velocity (noise - data) of every frame of the buffer."""

    def __init__(self, config: StreamDiTConfig) -> None:
        super().__init__()
        self.config = config
        width, patch = config.width, config.patch
        self.patch_embedding = nn.Conv2d(config.channels, width, patch, stride=patch)
        self.time_embedding = TimeEmbedding(width)
        self.time_projection = nn.Linear(width, 6 * width)
        self.text_projection = TextProjection(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.head_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.head_modulation = nn.Parameter(torch.zeros(2, width))
        self.head = nn.Linear(width, config.channels * patch**2)
        self._plans: dict[tuple, tuple[torch.Tensor, list[WindowLayout]]] = {}
        self._start_as_identity()

    @torch.no_grad()
    def _start_as_identity(self) -> None:
        """adaLN-zero: at the start no block adds anything and the velocity is 0."""
        parts = [self.time_projection, self.head, *(block.cross_attention.out for block in self.blocks)]
        for part in parts:
            part.weight.zero_()
            part.bias.zero_()

    @property
    def place(self) -> tuple[torch.device, torch.dtype]:
        return self.head.weight.device, self.head.weight.dtype

    def read_text(self, text: Mapping[str, TextStates], batch: int = 1) -> Context:
        """Project the text encoders' states, once for each prompt; see ``TextProjection``."""
        return self.text_projection(text, batch)

    def forward(self, latents: torch.Tensor, sigma: torch.Tensor, context: Context) -> torch.Tensor:
        """One evaluation of a buffer.

        Args:
            latents: (B, F, C, h, w), oldest frame first; h and w are multiples of the patch.
            sigma: (B, F) noise level of each frame, 0..1.
            context: from ``read_text``, for B buffers.

        Returns:
            Velocity (B, F, C, h, w).
        """
        batch, frames, channels, height, width = latents.shape
        side = self.config.patch
        rows, columns = height // side, width // side
        x = self.patch_embedding(latents.flatten(0, 1).to(self.head.weight.dtype))
        x = x.flatten(2).transpose(1, 2).unflatten(0, (batch, frames))
        embedding = self.time_embedding(sigma)
        time = self.time_projection(nn.functional.silu(embedding)).unflatten(-1, (6, -1))
        angles, layouts = self._plan((frames, rows, columns))
        for index, block in enumerate(self.blocks):
            x = block(x, time, layouts[index % 2], angles, context)
        shift, scale = (self.head_modulation + embedding[:, :, None])[:, :, :, None].unbind(2)
        x = self.head(modulate(self.head_norm(x), shift, scale))
        x = x.view(batch, frames, rows, columns, channels, side, side).permute(0, 1, 4, 2, 5, 3, 6)
        return x.reshape(latents.shape)

    def _plan(self, grid: tuple[int, int, int]) -> tuple[torch.Tensor, list[WindowLayout]]:
        """Rotary angles, and the windows of even and of odd blocks, made once for each grid and device."""
        config, device = self.config, self.head.weight.device
        key = (*grid, device)
        if key not in self._plans:
            wrap = (config.wrap_time, config.wrap_space, config.wrap_space)
            layouts = [
                window_layout(grid, config.window, shifted=shifted, wrap=wrap, device=device)
                for shifted in (False, True)
            ]
            self._plans[key] = (rotary_angles(grid, config.head_width, config.rope_theta, device), layouts)
        return self._plans[key]

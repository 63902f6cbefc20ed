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
from ..rotary import rotary_angles
from ..transformer import (
    Block,
    Context,
    TextProjection,
    TimeEmbedding,
    from_tokens,
    modulate,
    to_tokens,
)
from ..window_attention import WindowAttention
from ..windows import WindowLayout, window_layout
from .config import StreamDiTConfig

CLEANEST = 0.05  # sigma below which predicted data are no longer divided by it


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
        self.blocks = nn.ModuleList(Block(config, WindowAttention(config)) for _ in range(config.depth))
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
        frames, _, height, width = latents.shape[1:]
        patch = self.config.patch
        x = to_tokens(self.patch_embedding, latents)
        embedding = self.time_embedding(sigma)
        time = self.time_projection(nn.functional.silu(embedding)).unflatten(-1, (6, -1))
        angles, layouts = self._plan((frames, height // patch, width // patch))
        for index, block in enumerate(self.blocks):
            x = block(x, time, context, layouts[index % 2], angles)
        shift, scale = (self.head_modulation + embedding[:, :, None])[:, :, :, None].unbind(2)
        x = self.head(modulate(self.head_norm(x), shift, scale))
        x = from_tokens(x, patch, height, width)
        if self.config.predicts == "velocity":
            return x
        return (latents - x) / sigma.clamp(min=CLEANEST)[:, :, None, None, None]

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

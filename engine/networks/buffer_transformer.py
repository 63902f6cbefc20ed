"""What the transformers over a buffer of frames do alike, whatever their blocks attend to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from einops import rearrange
from torch import nn

from ..conditioning.states import TextStates
from .adaln import modulate
from .transformer import Block, Sizes, TextProjection, TimeEmbedding, from_tokens


class BufferSizes(Sizes, Protocol):
    """What these networks read of their configuration besides."""

    @property
    def channels(self) -> int: ...
    @property
    def patch(self) -> int: ...


class BufferTransformer(nn.Module):
    """An adaLN transformer in which every frame has a noise level; a network adds its blocks, then the head.

    Args:
        config: sizes.
        in_channels: latent channels that go in.

    Attributes:
        config: the network's own.
        patch: side of a token in latent positions.
    """

    config: Any
    blocks: nn.ModuleList

    def __init__(self, config: BufferSizes, in_channels: int) -> None:
        super().__init__()
        width, self.patch, self._channels = config.width, config.patch, config.channels
        self.patch_embedding = nn.Conv2d(in_channels, width, self.patch, stride=self.patch)
        self.time_embedding = TimeEmbedding(width)
        self.time_projection = nn.Linear(width, 6 * width)
        self.text_projection = TextProjection(config)

    @torch.no_grad()
    def _add_head(self) -> None:
        """The last layer. adaLN-zero: at the start no block adds anything and the output is 0."""
        width = self.time_projection.in_features
        self.head_norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.head_modulation = nn.Parameter(torch.zeros(2, width))
        self.head = nn.Linear(width, self._channels * self.patch**2)
        blocks = (block for block in self.blocks if isinstance(block, Block))
        parts = [self.time_projection, self.head, *(block.cross_attention.out for block in blocks)]
        for part in parts:
            part.weight.zero_()
            part.bias.zero_()

    @property
    def place(self) -> tuple[torch.device, torch.dtype]:
        return self.head.weight.device, self.head.weight.dtype

    def read_text(self, text: Mapping[str, TextStates], batch: int = 1) -> TextStates:
        """Project the text encoders' states, once for each prompt; see ``TextProjection``."""
        return self.text_projection(text, batch)

    def _modulation(self, sigma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of noise levels (B, F): their embedding, and what all blocks are modulated by, (B, F, 6, width)."""
        embedding = self.time_embedding(sigma)
        projected = self.time_projection(nn.functional.silu(embedding))
        return embedding, rearrange(projected, "b f (six d) -> b f six d", six=6)

    def _output(self, x: torch.Tensor, embedding: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Tokens (B, F, S, width) to planes (B, F, C, height, width)."""
        shift, scale = (self.head_modulation + embedding[:, :, None]).unbind(2)
        return from_tokens(self.head(modulate(self.head_norm(x), shift, scale)), self.patch, height)

"""Layers of the edit U-Net that leave its maps channels_last, as convolutions want them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import DreamLiteUNetModel
from diffusers.models.transformers.transformer_2d_dreamlite import DreamLiteTransformer2DModel
from torch import nn

SMALL = 1024
"""Positions below which torch's CPU kernel goes through a channels_last map group by group."""


class MapGroupNorm(nn.GroupNorm):
    """In bfloat16, torch's CPU kernel is up to seven times slower for a small map that is channels_last."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        small = input.ndim == 4 and input.shape[2] * input.shape[3] < SMALL
        if not small or input.device.type != "cpu" or input.dtype != torch.bfloat16:
            return super().forward(input)
        normed = F.group_norm(input.contiguous(), self.num_groups, self.weight, self.bias, self.eps)
        return normed.contiguous(memory_format=torch.channels_last)


class MapTransformer(DreamLiteTransformer2DModel):
    """Its tokens are the map that it gives back; diffusers' own copies them to another order of memory."""

    def _get_output_for_continuous_inputs(
        self,
        hidden_states: torch.Tensor,
        residual: torch.Tensor,
        batch_size: int,
        height: int,
        width: int,
        inner_dim: int,
    ) -> torch.Tensor:
        if self.use_linear_projection:
            hidden_states = self.proj_out(hidden_states)
        channels_last = hidden_states.reshape(batch_size, height, width, -1).permute(0, 3, 1, 2)
        return (channels_last if self.use_linear_projection else self.proj_out(channels_last)) + residual


def keep_channels_last(unet: DreamLiteUNetModel) -> None:
    """Let a U-Net use these layers; its weights stay as they are."""
    for module in unet.modules():
        if type(module) is nn.GroupNorm:
            module.__class__ = MapGroupNorm
        elif type(module) is DreamLiteTransformer2DModel:
            module.__class__ = MapTransformer

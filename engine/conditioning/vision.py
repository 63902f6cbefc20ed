"""Qwen3-VL's vision tower for pictures of one size, all in one batch.

transformers' own tower takes pictures of any sizes in one sequence: at every call it finds where each patch
lies, and it attends to one picture after the other, for which the host waits for the device in every layer.
A stream's pictures have one size. Their places are found once, by the tower itself; its layers do the rest.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..networks.fused_attention import attention
from ..transfers import upload
from .fused_layers import signed, turned

Places = tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]
"""What is added to a picture's patches (patches, width), and how they are turned, see ``_attend``."""


class PictureTower:
    """The tower's features of square pictures.

    Places are kept under inference mode only, as streams have it, until weights have changed or moved.

    Args:
        tower: transformers' own; nothing of it is changed.
        side: of a picture in patches.
    """

    def __init__(self, tower: Any, side: int) -> None:
        self._tower, self._side = tower, side
        self._known: tuple[tuple[object, ...], Places] | None = None

    def __call__(self, patches: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Pictures' features (B, tokens, width), and those for the language model's first layers.

        Args:
            patches: of B pictures one after the other, as ``MLLMEncoder.patches_of`` cuts them.
        """
        tower = self._tower
        places, rotation = self._places()
        x = tower.patch_embed(patches).unflatten(0, (-1, len(places))) + places
        deeper = []
        for layer, block in enumerate(tower.blocks):
            x = x + _attend(block.attn, block.norm1(x), *rotation)
            x = x + block.mlp(block.norm2(x))
            if layer in tower.deepstack_visual_indexes:
                merger = tower.deepstack_merger_list[tower.deepstack_visual_indexes.index(layer)]
                deeper.append(self._merged(merger, x))
        return self._merged(tower.merger, x), deeper

    def _merged(self, merger: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return merger(x.flatten(0, 1)).unflatten(0, (len(x), -1))

    def _places(self) -> Places:
        weight = self._tower.pos_embed.weight
        if not torch.is_inference_mode_enabled():
            return self._find_places()
        identity = (weight.device, weight.dtype, weight._version)
        if self._known is None or self._known[0] != identity:
            self._known = (identity, self._find_places())
        return self._known[1]

    def _find_places(self) -> Places:
        """By the tower itself: of a picture whose patches are all zero, as its first layer is given it."""
        tower, found = self._tower, []
        parameter = tower.patch_embed.proj.weight
        patches = parameter.new_zeros(self._side**2, parameter[0].numel())
        grid = upload(torch.tensor([[1, self._side, self._side]]), parameter.device)
        hooks = (
            tower.patch_embed.register_forward_hook(lambda _module, _inputs, out: torch.zeros_like(out)),
            tower.blocks[0].register_forward_pre_hook(
                lambda _module, inputs, named: found.append((*inputs, named["position_embeddings"])),
                with_kwargs=True,
            ),
        )
        try:
            tower(patches, grid_thw=grid)
        finally:
            for hook in hooks:
                hook.remove()
        places, (cos, sin) = found[0]
        return places, (cos.float()[:, None, None], signed(sin).float()[:, None, None])


def _attend(layer: Any, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """A layer's attention within each picture, (B, patches, width).

    Queries and keys are turned together, in float32.

    Args:
        cos, sin: float32 (patches, 1, 1, head width).
    """
    qkv = layer.qkv(x).unflatten(-1, (3, layer.num_heads, -1))
    q, k = turned(qkv[:, :, :2], cos, sin).to(qkv.dtype).transpose(1, 3).unbind(2)
    attended = attention(q, k, qkv[:, :, 2].transpose(1, 2), expects="flash")
    return layer.proj(attended.transpose(1, 2).flatten(2))

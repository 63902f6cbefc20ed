"""Where adapters reach into the edit U-Net, and how they do it without touching the original."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from diffusers import DreamLiteUNetModel  # pyright: ignore[reportPrivateImportUsage] - exported lazily
from torch import nn

Module = TypeVar("Module", bound=nn.Module)
ATTENTION = (".attn1.to_q", ".attn1.to_k", ".attn1.to_v", ".attn2.to_q")  # as published
# A narrow U-Net has self-attention at its deepest level only. These reach the finer levels as well; a change
# to the second one's input adds to their residual stream without a nonlinearity between.
FEED_FORWARD = (".ff.net.0.proj", ".ff.net.2")


@dataclass(frozen=True)
class HookSite:
    """One Linear whose input an adapter may change.

    Attributes:
        features: width of that input.
        stride: pixels of the picture for one token's side.
    """

    features: int
    stride: int


def hook_sites(
    unet: DreamLiteUNetModel, spatial: int = 8, ends: tuple[str, ...] = ATTENTION
) -> dict[str, HookSite]:
    """Every site by its dotted name, in the order of ``named_modules``.

    Sites go by the end of their name, so the class names of the original repository do not matter.

    Args:
        unet: an unpatched U-Net; its config gives the strides.
        spatial: pixels for a latent's side.
        ends: ends of the names of the Linears to act on.
    """
    deepest = len(unet.config["block_out_channels"]) - 1
    return {
        name: HookSite(module.in_features, spatial * 2 ** _level(name, deepest))
        for name, module in unet.named_modules()
        if name.endswith(ends) and isinstance(module, nn.Linear)
    }


def _level(name: str, deepest: int) -> int:
    """How often the picture was halved before a block; up blocks mirror the down blocks."""
    block, index = name.split(".")[:2]
    if block == "mid_block":
        return deepest
    return int(index) if block == "down_blocks" else deepest - int(index)


class HookedLinear(nn.Module):
    """A Linear whose input is changed by adapters: ``host(x + sum of delta(x))``.

    Each adapter sees the input as it came, so the order of several does not matter.
    """

    def __init__(self, host: nn.Module, deltas: Iterable[nn.Module]) -> None:
        super().__init__()
        self.host = host
        self.deltas = nn.ModuleList(deltas)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.host(sum((delta(x) for delta in self.deltas), start=x))


def hooked(unet: DreamLiteUNetModel, *adapters: Mapping[str, nn.Module]) -> DreamLiteUNetModel:
    """A U-Net with adapters on it. It shares every Parameter with ``unet``, which stays as it is.

    Args:
        unet: an unpatched U-Net.
        adapters: for each adapter, what maps a Linear's input to its change, by the Linear's name.
    """
    clone = sharing_clone(unet, *unet.buffers())
    for name in {name: None for adapter in adapters for name in adapter}:
        deltas = [adapter[name] for adapter in adapters if name in adapter]
        parent, _, leaf = name.rpartition(".")
        setattr(clone.get_submodule(parent), leaf, HookedLinear(clone.get_submodule(name), deltas))
    return clone


def sharing_clone(module: Module, *shared: torch.Tensor) -> Module:
    """A deep copy of the structure that shares the Parameters, and ``shared`` too."""
    return copy.deepcopy(module, {id(tensor): tensor for tensor in (*module.parameters(), *shared)})

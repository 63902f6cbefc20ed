"""Temporal LLLite: a small adapter that shows a picture to the U-Net's attention layers.

Each hook adds ``multiplier * up(relu(mid([CNN(picture), down(x)])))`` to the input of one Linear
(arXiv 2606.05981, section III-B). ``mid`` is linear before its ReLU, so the picture's part of it,
``W_c CNN(picture) + b``, is computed once a refresh and kept in a buffer. Buffers and multiplier
are only ever written in place and the forward has no branch, so a compiled U-Net never recompiles.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import nn

from ..errors import SettingError
from .hooks import HookSite, sharing_clone

Layout = Literal["width", "channel"]


def conv_kernels(stride: int) -> tuple[int, ...]:
    """The published factors of a total stride: 4 while it divides, then 2. 32 gives (4, 4, 2)."""
    kernels = []
    while stride > 1:
        kernels.append(4 if stride % 4 == 0 else 2)
        stride //= kernels[-1]
    return tuple(kernels)


class LLLiteHook(nn.Module):
    """The change to one Linear's input. Parameters are named as in published files.

    Args:
        features: width F of the Linear's input.
        kernels: kernel and stride of each conditioning convolution.
        cond_dim: width c of the picture's embedding.
        mlp_dim: width m inside.

    Attributes:
        condition: (max batch, tokens, m), the picture's part of ``mid``; not in the state dict.
        multiplier: scalar; not in the state dict.
    """

    condition: torch.Tensor
    multiplier: torch.Tensor

    def __init__(self, features: int, kernels: Sequence[int], cond_dim: int = 32, mlp_dim: int = 64) -> None:
        super().__init__()
        self.kernels, self.cond_dim = tuple(kernels), cond_dim
        widths = (3, *[cond_dim // 2] * (len(kernels) - 1), cond_dim)
        layers: list[nn.Module] = []
        for before, after, kernel in zip(widths, widths[1:], kernels, strict=False):
            layers += [nn.Conv2d(before, after, kernel, kernel), nn.ReLU()]
        self.conditioning1 = nn.Sequential(*layers[:-1])
        self.down = nn.Sequential(nn.Linear(features, mlp_dim), nn.ReLU())
        self.mid = nn.Sequential(nn.Linear(cond_dim + mlp_dim, mlp_dim), nn.ReLU())
        up = nn.Linear(mlp_dim, features)
        nn.init.zeros_(up.weight)  # a new adapter changes nothing
        nn.init.zeros_(up.bias)
        self.up = nn.Sequential(up)
        self.register_buffer("condition", torch.empty(0), persistent=False)
        self.register_buffer("multiplier", torch.ones(()), persistent=False)

    @property
    def convolutions(self) -> list[nn.Conv2d]:
        return [layer for layer in self.conditioning1 if isinstance(layer, nn.Conv2d)]

    @property
    def mixing(self) -> nn.Linear:
        """``mid`` without its ReLU; its first ``cond_dim`` columns are W_c."""
        layer = self.mid[0]
        assert isinstance(layer, nn.Linear)
        return layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, tokens, F) to its change, of the same shape; B up to the buffer's."""
        seen = F.linear(self.down(x), self.mixing.weight[:, self.cond_dim :])
        return self.multiplier * self.up(F.relu(seen + self.condition[: len(x)]))


def condition_terms(hooks: Sequence[LLLiteHook], images: torch.Tensor) -> torch.Tensor:
    """``W_c CNN(images) + b`` of hooks whose convolutions have equal shapes, in one pass for all.

    Args:
        images: (B, 3, H, W) in -1..1.

    Returns:
        (hooks, B, H / stride, W / stride, m).
    """
    stacks = zip(*(hook.convolutions for hook in hooks), strict=True)
    x = images
    for layer, convolutions in enumerate(stacks):
        weight = torch.cat([c.weight for c in convolutions])
        bias = torch.cat([c.bias for c in convolutions])
        # every hook's first convolution sees the picture, the later ones only their own hook's maps
        groups = len(hooks) if layer else 1
        x = F.conv2d(F.relu(x) if layer else x, weight, bias, hooks[0].kernels[layer], groups=groups)
    weight = torch.cat([hook.mixing.weight[:, : hook.cond_dim] for hook in hooks])
    bias = torch.cat([hook.mixing.bias for hook in hooks])
    x = F.conv2d(x, weight[..., None, None], bias, groups=len(hooks))
    return x.unflatten(1, (len(hooks), -1)).permute(1, 0, 3, 4, 2)


class TemporalLLLite(nn.Module):
    """All hooks of one adapter. Its state dict has the keys of a published file.

    Args:
        hooks: by the dotted name of the Linear that each acts on.
    """

    def __init__(self, hooks: Mapping[str, LLLiteHook]) -> None:
        super().__init__()
        self.modules_dict = nn.ModuleDict({name.replace(".", "__"): hook for name, hook in hooks.items()})
        self._frame: tuple[int, int, int] | None = None
        self._halves = 1

    @classmethod
    def new(cls, sites: Mapping[str, HookSite], cond_dim: int = 32, mlp_dim: int = 64) -> TemporalLLLite:
        """An untrained adapter, which changes nothing yet."""
        return cls(
            {
                name: LLLiteHook(site.features, conv_kernels(site.stride), cond_dim, mlp_dim)
                for name, site in sites.items()
            }
        )

    @property
    def hooks(self) -> dict[str, LLLiteHook]:
        """By dotted name."""
        hooks = cast("Mapping[str, LLLiteHook]", self.modules_dict)
        return {name.replace("__", "."): hook for name, hook in hooks.items()}

    def for_stream(self, max_batch: int, height: int, width: int, layout: Layout = "width") -> TemporalLLLite:
        """The same weights with buffers of their own, so that streams do not see each other's pictures.

        Until the first ``refresh`` every frame has the zero embedding.

        Args:
            max_batch: frames in the largest chunk.
            height, width: of the picture in pixels; they need not be equal.
            layout: ``"width"`` where the source's latent lies right of the noisy one (those tokens
                have the zero embedding), ``"channel"`` where the two are stacked.

        Raises:
            SettingError: a side that the deepest hook can't divide.
        """
        step = max(math.prod(hook.kernels) for hook in self.hooks.values())
        if height % step or width % step:
            raise SettingError(
                f"width and height must be multiples of {step} for this adapter, not {width}x{height}."
            )
        stream = sharing_clone(self)
        stream._frame = (max_batch, height, width)
        stream._halves = 2 if layout == "width" else 1
        for hook in stream.hooks.values():
            stride = math.prod(hook.kernels)
            tokens = (height // stride) * (width // stride) * stream._halves
            bias = hook.mixing.bias.detach()
            hook.condition = bias.expand(max_batch, tokens, -1).clone()
            hook.multiplier = torch.ones((), dtype=bias.dtype, device=bias.device)
        return stream

    @torch.no_grad()
    def refresh(self, images: torch.Tensor, present: torch.Tensor | None = None) -> None:
        """Show new pictures; frames beyond ``len(images)`` keep theirs.

        Args:
            images: (B, 3, H, W) in -1..1, B up to the stream's largest chunk.
            present: bool (B,); where False the frame has the zero embedding, as before its first
                picture. None means all have one.
        """
        for hook, term in self._terms(images, present):
            batch, rows, columns, _ = term.shape
            hook.condition.unflatten(1, (rows, -1))[:batch, :, :columns].copy_(term)

    def bind(self, images: torch.Tensor, present: torch.Tensor | None = None) -> None:
        """``refresh`` for training: gradients reach every weight, because new tensors replace the buffers."""
        for hook, term in self._terms(images, present):
            batch, rows, columns, _ = term.shape
            beside = hook.mixing.bias.expand(batch, rows, columns * (self._halves - 1), -1)
            hook.condition = torch.cat([term, beside], dim=2).flatten(1, 2)

    def set_multiplier(self, value: float, prefix: str = "") -> None:
        """How strongly hooks act whose name starts with ``prefix``; 0 switches them off."""
        for name, hook in self.hooks.items():
            if name.startswith(prefix):
                hook.multiplier.fill_(value)

    def _terms(
        self, images: torch.Tensor, present: torch.Tensor | None
    ) -> list[tuple[LLLiteHook, torch.Tensor]]:
        if self._frame is None:
            raise ValueError("for_stream comes first: this adapter has no buffers")
        largest, height, width = self._frame
        if len(images) > largest or images.shape[1:] != (3, height, width):
            raise ValueError(f"{tuple(images.shape)} does not fit up to {largest} pictures {width}x{height}")
        alike = defaultdict(list)
        for hook in self.hooks.values():
            alike[(*(c.weight.shape for c in hook.convolutions), hook.mixing.weight.shape)].append(hook)
        weight = next(self.parameters())
        images = images.to(weight.device, weight.dtype)
        terms = [
            pair
            for hooks in alike.values()
            for pair in zip(hooks, condition_terms(hooks, images), strict=True)
        ]
        if present is None:
            return terms
        shown = present.to(weight.device).view(-1, 1, 1, 1)
        return [(hook, torch.where(shown, term, hook.mixing.bias)) for hook, term in terms]

"""Evaluations of the transformer for one block: what they have in common, and how the source gets in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch

from ..cache.view import BlockView, LayerReuse
from ..networks.causal_wan.model import CausalWan, CrossAttentionKV
from ..networks.causal_wan.replayed import ReplayedNetwork
from ..networks.rope import Rotation
from ..transfers import upload
from .flow_match import FlowMatchSchedule, x0_from_velocity

Injection = Literal["channel", "token"]
"""The source's latents stacked on the noisy ones, or as tokens of their own beside them."""

Sampler = Literal["renoise", "unipc"]

SOURCE = 1
"""Turns the source's tokens apart from the frames that they belong to (see ``CausalWan.rotation``)."""


@dataclass(frozen=True)
class RolloutSettings:
    """What a checkpoint was trained for.

    Attributes:
        schedule: noise levels of the steps.
        first: those of the first block, where it takes others.
        prediction: what the network's output means.
        context_noise: timestep (0 to 1000) of the clean pass.
        clean_pass: without it the cache keeps what the last denoising step left (StreamDiffusionV2).
        injection: how a source gets in; as tokens it has no part in clean passes.
        sampler: from one step to the next: fresh noise on what was found, or ``UniPC``.
    """

    schedule: FlowMatchSchedule
    prediction: Literal["velocity", "x0"] = "velocity"
    context_noise: float = 0.0
    clean_pass: bool = True
    injection: Injection = "channel"
    first: FlowMatchSchedule | None = None
    sampler: Sampler = "renoise"


@dataclass(frozen=True)
class BlockPass:
    """A block's text and its view of the cache, bound to a network.

    Source tokens have the positions of their frames; they are seen by the block and see what it sees,
    but the cache does not keep them, so that history costs no more. They are free of noise.

    Attributes:
        view: of the cache.
        text: keys and values of the text.
        size: height and width in latents.
        rows: of the cache; latents of one row stand for all of them.
        mask: see ``CausalWan.forward``, without source tokens.
        replayed: evaluates the network; None calls it.
    """

    net: CausalWan
    settings: RolloutSettings
    view: BlockView
    text: CrossAttentionKV
    size: tuple[int, int]
    rows: int = 1
    mask: torch.Tensor | None = None
    replayed: ReplayedNetwork | None = None

    def denoise(
        self,
        x: torch.Tensor,
        sigma: float | torch.Tensor,
        source: torch.Tensor | None = None,
        reuse: Sequence[LayerReuse] | None = None,
    ) -> torch.Tensor:
        """The clean latents as of now, float32; ``sigma`` is one for all, (B,), or (B, F)."""
        level = _on(x.device, sigma)
        level = level.view(*(level.shape if level.ndim == 2 else (-1, 1)), 1, 1, 1)
        times = level[..., 0, 0, 0] * 1000.0
        if self.settings.sampler == "unipc":  # LongLive 2 tells its network whole numbers
            times = times.floor()
        output = self.evaluate(x, source, times, reuse).float()
        return output if self.settings.prediction == "x0" else x0_from_velocity(x, output, level)

    @torch.no_grad()
    def record(self, x0: torch.Tensor, source: torch.Tensor | None) -> None:
        """The clean pass: it leaves keys and values of clean latents in the block's slots."""
        stacked = source if self.settings.injection == "channel" else None
        self.remember(x0.detach(), stacked, self.settings.context_noise)

    def remember(self, x: torch.Tensor, source: torch.Tensor | None, timestep: float | torch.Tensor) -> None:
        """Leave keys and values of latents in the view; arguments as for ``evaluate``."""
        self._network(*self._inputs(x, source, timestep), None, True)

    def evaluate(
        self,
        x: torch.Tensor,
        source: torch.Tensor | None,
        timestep: float | torch.Tensor,
        reuse: Sequence[LayerReuse] | None = None,
    ) -> torch.Tensor:
        """What the network makes of latents (B, F, C, h, w) at a timestep (0 to 1000).

        Args:
            source: latents of the same frames, or None.
            timestep: one for all, (B, 1) or (B, F).
            reuse: see ``MaskCache``.
        """
        return self._network(*self._inputs(x, source, timestep), reuse)

    @property
    def _network(self) -> Callable[..., torch.Tensor]:
        return self.replayed or self.net

    def _inputs(
        self, x: torch.Tensor, source: torch.Tensor | None, timestep: float | torch.Tensor
    ) -> tuple[Any, ...]:
        """What the network takes, but for ``reuse``."""
        x, source = self._for_rows(x), None if source is None else self._for_rows(source)
        queries, keys = self.queries, self.keys
        times = _on(x.device, timestep).expand(x.shape[:2])
        text, mask, uncached_frames = self.text, self.mask, 0
        if source is not None and self.settings.injection == "token":
            uncached_frames = x.shape[1]
            queries, keys = self.queries_with_source, self.keys_with_source
            x = torch.cat([x, source.to(x)], dim=1)
            times = torch.cat([times, torch.zeros_like(times)], dim=1)
            text = tuple((_for_both(k), _for_both(v)) for k, v in text)
            mask = None if mask is None else _for_tokens(mask, len(self.source_rotation.cos))
        elif source is not None:
            x = torch.cat([x, source.to(x)], dim=2)
        return x.to(self.net.dtype), times, text, queries, self.view, keys, mask, uncached_frames

    def _for_rows(self, x: torch.Tensor) -> torch.Tensor:
        return x.expand(self.rows, *x.shape[1:]) if len(x) < self.rows else x

    @cached_property
    def queries(self) -> Rotation:
        """Of the block's tokens."""
        return self.net.rotation(self.view.positions, *self.size)

    @cached_property
    def keys(self) -> Rotation | None:
        """Of everything in the view; None where keys are kept rotated."""
        positions = self.view.key_positions
        return None if positions is None else self.net.rotation(positions, *self.size)

    @cached_property
    def source_rotation(self) -> Rotation:
        """Of source tokens."""
        return self.net.rotation(self.view.positions, *self.size, SOURCE)

    @cached_property
    def queries_with_source(self) -> Rotation:
        """Of the block's tokens and the source's."""
        return self.queries.joined(self.source_rotation)

    @cached_property
    def keys_with_source(self) -> Rotation | None:
        """Of everything in the view and the source's tokens."""
        return None if self.keys is None else self.keys.joined(self.source_rotation)


def _on(device: torch.device, level: float | torch.Tensor) -> torch.Tensor:
    """A level, or one for each row, as float32 on a device."""
    if isinstance(level, torch.Tensor):
        return upload(level.float(), device)
    return torch.full((), level, device=device)


def reference_bias(
    strengths: torch.Tensor, view: BlockView, tokens: int, like: torch.Tensor
) -> torch.Tensor | None:
    """Log of the references' weights, added to the attention: (1, 1, query tokens or 1, key tokens).

    Args:
        strengths: (frames or 1, references).
        tokens: of a frame.
        like: its device and dtype.

    Returns:
        None where all weights are 1.
    """
    if not view.references or bool((strengths == 1).all()):
        return None
    bias = torch.zeros(len(strengths), view.frames)
    bias[:, : view.references] = strengths.clamp(min=1e-30).log()
    bias = upload(bias, like.device).to(like.dtype).repeat_interleave(tokens, dim=1)
    if len(bias) > 1:
        bias = bias.repeat_interleave(tokens, dim=0)
    return bias[None, None]


def _for_both(part: torch.Tensor) -> torch.Tensor:
    """A text for every frame (B, F, ...) for the frames' source tokens as well."""
    return part if part.shape[1] == 1 else torch.cat([part, part], dim=1)


def _for_tokens(mask: torch.Tensor, count: int) -> torch.Tensor:
    """A bias that leaves ``count`` more key tokens alone, with as many more queries."""
    if mask.shape[2] > 1:
        mask = torch.cat([mask, mask], dim=2)
    return torch.cat([mask, mask.new_zeros(*mask.shape[:3], count)], dim=3)

"""The causal network behind CUDA graphs: one for each place of a cache and each way of calling it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...cache.view import BlockView, LayerReuse
from ..cuda_graphs import Graphs
from ..rope import Rotation
from .model import CausalWan, CrossAttentionKV


@dataclass(frozen=True)
class ReplayedNetwork:
    """Takes what ``CausalWan`` takes.

    A full cache is a ring whose slots stay where they are: a block is always written to the same ones, and
    what changes from block to block is how keys are turned, which goes in.

    Attributes:
        place: the cache's slots that the view shows, the same for all calls of this one.
    """

    net: CausalWan
    graphs: Graphs
    place: Hashable

    def __call__(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        text: CrossAttentionKV,
        queries: Rotation,
        cache: BlockView,
        keys: Rotation | None,
        mask: torch.Tensor | None,
        uncached_frames: int,
        reuse: Sequence[LayerReuse] | None,
        kept_only: bool = False,
    ) -> torch.Tensor:
        def run(x: torch.Tensor, timesteps: torch.Tensor, *more: Any) -> torch.Tensor:
            turned, by, (mask, chosen), texts = Rotation(*more[:2]), more[2:4], more[4:6], more[6:]
            return self.net(
                x,
                timesteps,
                tuple(zip(texts[::2], texts[1::2], strict=True)),
                turned,
                cache,
                None if keys is None else Rotation(*by),
                mask,
                uncached_frames,
                None if reuse is None else [each._replace(chosen=chosen) for each in reuse],
                kept_only,
            )

        chosen = None if reuse is None else reuse[0].chosen
        inputs = (x, timesteps, *queries, *(keys or (None, None)), mask, chosen)
        return self.graphs(
            run,
            *inputs,
            constants=[part for layer in text for part in layer],
            kind=(self.place, uncached_frames, kept_only, reuse is None),
        )

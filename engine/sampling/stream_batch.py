"""Stream-batch: the denoising steps of several blocks in one batch (StreamDiffusionV2, arXiv 2511.07399).

Row i of the batch is the block that is at step i. Each evaluation brings every row one step on; the
last row leaves, the others move down, a new block enters at the top. A block comes out as many
evaluations later as there are steps, but each costs one batched evaluation instead of one a step.
Every row has a history of its own, at its own noise level; there is no clean pass.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import torch

from ..cache.kv_cache import SegmentedKVCache
from ..cache.switch import SwitchPolicy
from ..networks.causal_wan.model import CausalWan
from .block_pass import RolloutSettings
from .flow_match import FlowMatchSchedule, renoise
from .rollout import BlockRollout
from .self_forcing import Renoise


@dataclass(frozen=True)
class InFlight:
    """A block on its way through the rows.

    Attributes:
        x: (1, F, C, h, w) at the noise level of its next step.
        fresh: noise for the level after step i.
        source: latents of its source, or None.
        sigmas: its noise levels, as many as there are rows, and 0.
        filler: whether it only keeps a row busy and is no block of the stream.
    """

    x: torch.Tensor
    fresh: Renoise
    source: torch.Tensor | None
    sigmas: tuple[float, ...]
    filler: bool = False


class StreamBatchRollout(BlockRollout):
    """One stream whose cache has a row for each denoising step.

    The first block goes through all steps at once and fills every row's history; its copies keep the
    rows busy until real blocks reach them.
    """

    def __init__(
        self,
        net: CausalWan,
        cache: SegmentedKVCache,
        settings: RolloutSettings,
        policy: SwitchPolicy | None = None,
    ) -> None:
        if cache.batch != settings.schedule.steps:
            raise ValueError(f"{cache.batch} rows can't hold {settings.schedule.steps} steps")
        super().__init__(net, cache, replace(settings, clean_pass=False), policy)
        self._start_over()

    def _start_over(self) -> None:
        self._entered: InFlight | None = None  # the youngest block
        self._moving: list[InFlight] = []  # what the rows after the first take up next
        self._done: deque[torch.Tensor] = deque()
        self._count = 0  # of blocks that went in

    def reset(self) -> None:
        super().reset()
        self._start_over()

    def advance(
        self,
        start: torch.Tensor,
        fresh: Renoise,
        source: torch.Tensor | None = None,
        schedule: FlowMatchSchedule | None = None,
    ) -> torch.Tensor | None:
        """Let a block in; arguments as for ``step``, of one row.

        Returns:
            The block that went in ``steps - 1`` calls ago, or None while there is none.
        """
        block = InFlight(start, fresh, source, (schedule or self.settings.schedule).sigmas)
        if self._entered is None:
            made = self.step(start, fresh, source, schedule)[:1]
            self.pending = (made, source)
            self._done.append(made)
            copy = replace(block, filler=True)
            self._moving = [_at(copy, made, place) for place in range(1, self.cache.batch)]
        else:
            self._turn(block)
        self._entered = block
        self._count += 1
        return self._done.popleft() if self._count >= self.cache.batch else None

    def drain(self) -> torch.Tensor | None:
        """The next block after the last one went in; None where none is left."""
        while not self._done and any(not row.filler for row in self._moving):
            assert self._entered is not None
            self._turn(replace(self._entered, filler=True))
        return self._done.popleft() if self._done else None

    def _turn(self, block: InFlight) -> None:
        """One evaluation of all rows, ``block`` in the first."""
        self.settle()
        rows = [block, *self._moving]
        x = torch.cat([row.x for row in rows])
        sources = [row.source for row in rows if row.source is not None]
        source = torch.cat(sources) if sources else None
        sigma = torch.tensor([row.sigmas[place] for place, row in enumerate(rows)])
        x0 = self.begin(x).denoise(x.float(), sigma, source)
        last = rows[-1]
        self.pending = (x0[-1:], last.source)
        if not last.filler:
            self._done.append(x0[-1:])
        self._moving = [_at(row, x0[at : at + 1], at + 1) for at, row in enumerate(rows[:-1])]


def _at(block: InFlight, x0: torch.Tensor, place: int) -> InFlight:
    """A block whose clean latents are known as of now, ready for step ``place``."""
    return replace(block, x=renoise(x0, block.fresh(place - 1), block.sigmas[place]))

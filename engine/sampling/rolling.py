"""Rolling Forcing (arXiv 2509.25161): a window of blocks at rising noise levels, before it a KV cache.

The window is StreamDiT's moving buffer (``moving_buffer``): each evaluation brings every block one level
down, the oldest leaves, noise enters at the end. What leaves goes through a clean pass of its own and is
what the next windows remember: the first block, and the last ones.
"""

from __future__ import annotations

import torch

from ..cache.kv_cache import SegmentedKVCache
from ..cache.switch import SwitchPolicy
from ..errors import SettingError
from ..networks.causal_wan.model import CausalWan
from ..transfers import upload
from .block_pass import RolloutSettings
from .moving_buffer import MovingBuffer
from .noise import keyed_noise
from .partition import Partition
from .rollout import BlockRollout


class RollingRollout(BlockRollout):
    """One stream whose blocks overlap.

    Args:
        cache: its block is the whole window.
        partition: levels and latent frames of a block.
        shape: of a latent frame (C, h, w).

    Attributes:
        buffer: the window.
        seed: of the noise.

    Raises:
        SettingError: a policy of style changes that needs blocks apart from each other.
    """

    def __init__(
        self,
        net: CausalWan,
        cache: SegmentedKVCache,
        settings: RolloutSettings,
        policy: SwitchPolicy,
        partition: Partition,
        shape: tuple[int, ...],
    ) -> None:
        if policy.name in ("blend", "rebuild_each_block"):
            raise SettingError(f"policy {policy.name} does not fit a rolling model: use refresh_last.")
        super().__init__(net, cache, settings, policy)
        self.partition, self.shape, self.seed = partition, shape, 0
        self.block = partition.frames
        self._start_over()

    def _start_over(self) -> None:
        self.buffer = MovingBuffer(self.partition, self._noise, advance="renoise")

    def reset(self) -> None:
        super().reset()
        self._start_over()

    def feed(self, source: torch.Tensor | None = None, sigma: float = 1.0) -> torch.Tensor | None:
        """A block enters; without a source as many as it takes until one leaves.

        Args:
            source: its clean latents (F, C, h, w), which keep what noise of level ``sigma`` leaves of them.

        Returns:
            The block that leaves, as ``advance`` gives it.
        """
        if source is not None:
            self.buffer.push(source, self.partition.level(sigma))
            return self.advance()
        made = None
        while made is None:
            self.buffer.push()
            made = self.advance()
        return made

    def advance(self) -> torch.Tensor | None:
        """One evaluation of the window; the block (1, F, C, h, w) that became clean, None while it fills."""
        self.settle()
        made = self.buffer.cycle(self._velocity)
        if made is None:
            return None
        self.pending = (made[None], None)
        return made[None]

    def _velocity(self, latents: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
        x = latents[None]
        return self.begin(x).evaluate(x, None, sigmas[None] * 1000.0).float()[0]

    def _enter_history(self, x0: torch.Tensor, source: torch.Tensor | None) -> None:
        self.begin(x0)  # what is bound is the window
        super()._enter_history(x0, source)

    def _noise(self, first: int, count: int, again: int) -> torch.Tensor:
        return upload(keyed_noise(self.shape, self.seed, first, count, again), self.net.device)

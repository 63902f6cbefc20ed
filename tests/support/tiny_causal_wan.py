"""A causal Wan network of a few thousand weights, and rollouts through it."""

from __future__ import annotations

from typing import Any

import torch

from livestyle.engine.cache.kv_cache import SegmentedKVCache
from livestyle.engine.cache.layout import CacheLayout
from livestyle.engine.cache.switch import SwitchPolicy
from livestyle.engine.networks.causal_wan import CausalWan, CausalWanConfig
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.few_step import few_step_schedule
from livestyle.engine.sampling.rollout import BlockRollout
from livestyle.engine.sampling.style_states import StyleStates

CHANNELS, SIDE, TOKENS = 4, 4, 4
CONFIG = CausalWanConfig(
    in_channels=CHANNELS,
    out_channels=CHANNELS,
    dim=48,
    ffn_dim=64,
    freq_dim=16,
    text_dim=8,
    heads=4,
    layers=2,
)
STEPS = few_step_schedule((1000, 500))


def tiny_net(**changes: Any) -> CausalWan:
    """The same random weights every time; ``changes`` are fields of the config."""
    torch.manual_seed(0)
    sizes = {**CONFIG.__dict__, **changes}
    return CausalWan(CausalWanConfig(**sizes)).eval().requires_grad_(False)


def tiny_cache(
    net: CausalWan, *, window: int = 6, sink: int = 0, block: int = 2, references: int = 2, **options: Any
) -> SegmentedKVCache:
    """A cache for pictures of SIDE x SIDE latents."""
    config = net.config
    layout = CacheLayout(
        config.layers, config.heads, config.head_width, TOKENS, block, window, sink, references
    )
    return SegmentedKVCache(layout, dtype=net.dtype, **options)


def tiny_rollout(
    policy: SwitchPolicy | None = None, net: CausalWan | None = None, **cache: Any
) -> BlockRollout:
    """A rollout of two steps a block."""
    net = net or tiny_net()
    return BlockRollout(net, tiny_cache(net, **cache), RolloutSettings(STEPS), policy)


def noise(seed: int, frames: int = 2) -> torch.Tensor:
    """(1, frames, CHANNELS, SIDE, SIDE)."""
    return torch.randn(1, frames, CHANNELS, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def style(seed: int, *, reference: bool = False, strength: float = 1.0) -> StyleStates:
    """Text, and one reference if asked for; other seeds are other styles."""
    text = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(1000 + seed))
    text[:, 3:] = 0.0
    return StyleStates(text, noise(2000 + seed, 1) if reference else None, strength)


def play(rollout: BlockRollout, blocks: range) -> list[torch.Tensor]:
    """The blocks' latents; a block's noise depends on its number only."""
    return [
        rollout.step(noise(2 * block), lambda step, block=block: noise(9000 + 2 * block + step))
        for block in blocks
    ]

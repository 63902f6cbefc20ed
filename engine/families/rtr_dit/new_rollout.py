"""A stream's cache, rollout and noise, as a checkpoint's profile and the widgets want them."""

from __future__ import annotations

import torch

from ...cache.kv_cache import SegmentedKVCache
from ...cache.layout import CacheLayout
from ...cache.switch import SwitchPolicy
from ...sampling.block_pass import RolloutSettings
from ...sampling.mask_cache import MaskCache
from ...sampling.noise import frame_noise
from ...sampling.partition import Partition
from ...sampling.rolling import RollingRollout
from ...sampling.rollout import BlockRollout
from ...sampling.stream_batch import StreamBatchRollout
from ..base import DenoiseSettings
from .model import RTRDiTModel

DRAWS = 64
"""Draws of noise that one seed is good for at a frame: the start, and one for every step."""


def block_noise(shape: tuple[int, ...], seed: int, first: int, count: int, draw: int) -> torch.Tensor:
    """Noise (1, count, C, h, w) of a block, keyed by seed, latent frame and draw.

    Args:
        shape: of a latent frame.
        first: index of the block's first latent frame in the stream.
        draw: 0 for the start, then one for every step.
    """
    seed = seed * DRAWS + draw
    return frame_noise(shape, seed=seed, first_frame=first, count=count, policy="fresh", dtype=torch.float32)[
        None
    ]


def new_rollout(
    model: RTRDiTModel,
    settings: DenoiseSettings,
    layout: CacheLayout,
    policy: SwitchPolicy,
    shape: tuple[int, ...],
) -> BlockRollout:
    """A stream's rollout and its cache, which is allocated here: where the network is now, it must stay.

    Args:
        shape: of a latent frame (C, h, w).
    """
    profile, expert = model.profile, dict(settings.advanced)
    rows = model.cache_rows(settings)
    cache = SegmentedKVCache(
        layout,
        batch=rows,
        device=model.net.devices,
        dtype=model.net.dtype,
        rope=expert.get("rope_mode", profile.rope),
        precision=expert.get("cache_precision", "native"),
        sink_similarity=profile.sink_similarity,
        sink_average=profile.sink_average,
    )
    trained_for = RolloutSettings(
        profile.schedule(settings.steps),
        profile.prediction,
        profile.context_noise,
        profile.clean_pass,
        "token" if profile.injection == "token" else "channel",
        profile.first_schedule,
        profile.sampler,
    )
    if profile.rolling:
        partition = Partition(trained_for.schedule.steps, model.block(settings), shift=profile.shift)
        return RollingRollout(model.net, cache, trained_for, policy, partition, shape)
    made = (StreamBatchRollout if rows > 1 else BlockRollout)(model.net, cache, trained_for, policy)
    if share := model.mask_share(settings):
        made.masks = MaskCache(model.net, share, layout.block * layout.tokens)
    return made

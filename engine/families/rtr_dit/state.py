"""What a causal video stream remembers from block to block."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import torch

from ...autoencoders.video import VideoAutoencoder
from ...motion.scene import CutDetector
from ...sampling.noise_control import MotionNoiseController
from ...sampling.rollout import BlockRollout
from .source import BlockSource
from .styles import BlockStyles
from .styles_lora import LoraStyles


@dataclass
class StreamState:
    """A new clip starts with a new one, which takes over the rollout's memory.

    Attributes:
        styles: where the stream stands in its timeline, and the style of now (encode lane).
        source: the autoencoder with the source's past, and latents too few for a block (encode lane).
        cuts: finds the source's cuts (encode lane).
        motion: what fast motion takes away from the noise on the source (encode lane).
        latents: latent frames that have gone in (encode lane).
        jump: latent frames of time before the next block, which begins a shot; else 0 (encode lane).
        rollout: the KV cache and the block under way; allocated once, emptied for a new clip (denoise lane).
        lora: the style at the LoRA's strength of now; None without a LoRA (denoise lane).
        sources: latents (n, C, h, w) of the blocks under way, oldest first (denoise lane).
        decoder: the autoencoder with the result's past (decode lane).
    """

    styles: BlockStyles
    source: BlockSource
    motion: MotionNoiseController
    rollout: BlockRollout
    lora: LoraStyles | None
    decoder: VideoAutoencoder
    cuts: CutDetector = field(default_factory=CutDetector)
    latents: int = 0
    jump: int = 0
    sources: deque[torch.Tensor | None] = field(default_factory=deque)

"""What an MLLM-edit stream remembers from chunk to chunk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import torch

from ...conditioning.states import TextStates
from ...motion.noise import StreamNoise
from ...motion.refresh import RefreshClock
from ...motion.scene import CutDetector
from ...networks.cross_attention import CrossAttentionKV
from .styles import FrameStyles

KEPT = 4096
"""Latest refreshes that are remembered."""


@dataclass
class StreamState:
    """A new clip starts with a new one.

    Attributes:
        styles: where the stream stands in its timeline, and the encoded text (encode lane).
        cuts: finds the source's cuts (encode lane).
        noise: carries noise along the source's motion, if it is to be (encode lane).
        clocks: when each adapter is shown new pictures, in their order (encode lane).
        last_frame: the last source frame, uint8 RGB (H, W, 3); None before the first (encode lane).
        prompt: the last chunk's; None before the first (encode lane).
        refreshes: indices of the latest chunks whose adapters were shown new pictures.
        output: latent (1, C, h, w) of the last edited frame, before ``strength``; None before the first
            (denoise lane).
        kv: the last text, the LoRA's strength that it was projected at, and its keys and values for every
            frame of a chunk (denoise lane).
    """

    styles: FrameStyles
    cuts: CutDetector
    noise: StreamNoise
    clocks: tuple[RefreshClock, ...]
    last_frame: np.ndarray | None = None
    prompt: str | None = None
    refreshes: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))
    output: torch.Tensor | None = None
    kv: tuple[TextStates, float, CrossAttentionKV] | None = None

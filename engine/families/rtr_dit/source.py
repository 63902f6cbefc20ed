"""The source of a causal video stream: frames in, the latents of one block at a time out."""

from __future__ import annotations

import numpy as np
import torch

from ...autoencoders.video import VideoAutoencoder


class BlockSource:
    """Encodes frames as they come and hands the latents on block by block.

    Args:
        encoder: an autoencoder's own stream.
        block: latent frames of a block.
    """

    def __init__(self, encoder: VideoAutoencoder, block: int) -> None:
        self.encoder, self.block = encoder, block
        self.reset()

    def reset(self) -> None:
        """A new clip."""
        self.encoder.reset()
        self.started = False
        self._waiting: torch.Tensor | None = None

    def take(self, pixels: np.ndarray | None) -> torch.Tensor | None:
        """The next block's latents (n, C, h, w), None while there are too few.

        Args:
            pixels: uint8 RGB (N, H, W, 3); None after the end, which brings out what is held back.
        """
        if pixels is None:
            latents = self.encoder.flush() if self.started else None
            self.started = False
        else:
            self.started = True
            latents = self.encoder.encode_chunk(torch.from_numpy(pixels))
        if latents is None:
            return None
        waiting = latents if self._waiting is None else torch.cat([self._waiting, latents])
        if len(waiting) < self.block:
            self._waiting = waiting
            return None
        self._waiting = waiting[self.block :]
        return waiting[: self.block]

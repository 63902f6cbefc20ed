"""The interface of every autoencoder that runs on a stream: pixels in, latents out, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn


class StreamingAutoencoder(ABC):
    """Encodes and decodes a stream chunk by chunk; chunked equals one-shot.

    Attributes:
        spatial: pixels per latent along width and height.
        temporal: frames per latent frame.
        channels: latent channels.
        model: the network.
    """

    model: nn.Module
    spatial: int
    temporal: int
    channels: int

    @property
    def place(self) -> tuple[torch.device, torch.dtype]:
        """Of the network's weights."""
        parameter = next(self.model.parameters())
        return parameter.device, parameter.dtype

    @abstractmethod
    def encode_chunk(self, frames: torch.Tensor) -> torch.Tensor:
        """uint8 RGB (N, H, W, 3) to latents (n, channels, H / spatial, W / spatial)."""

    @abstractmethod
    def decode_chunk(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents on any device to uint8 RGB (N, H, W, 3), on the network's."""

    @abstractmethod
    def working_values(self, frames: int) -> int:
        """Values for each pixel of a picture that a stream in chunks of ``frames`` takes beside the weights.

        What encoding and decoding hold while both are at work, and what is remembered of the chunk before,
        as dry runs counted it (docs/gpu.md).
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget the stream so far."""

"""What the families have in common whose network works on a buffer of latent frames."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from ..autoencoders.video import VideoAutoencoder
from ..conditioning.ensemble import TextEnsemble
from ..networks.buffer_transformer import BufferTransformer
from .base import DenoiseSettings, StreamModel
from .buffer_profile import BufferProfile


@dataclass(frozen=True)
class BufferModel(StreamModel):
    """Weights only; streams keep their state in runners.

    Attributes:
        network: the transformer.
        text: its text encoders.
        autoencoder: causal, 4x8x8 in the papers and in the demos.
        profile: of the family, with its ``fps``.
    """

    network: BufferTransformer
    text: TextEnsemble
    autoencoder: VideoAutoencoder
    profile: BufferProfile

    @property
    def fps(self) -> float:
        return self.profile.fps

    @property
    @abstractmethod
    def longest_buffer(self) -> int:
        """Latent frames that the network sees at once, at most."""

    @property
    def multiple(self) -> int:
        """What width and height are multiples of, in pixels: the side of a token."""
        return self.autoencoder.spatial * self.network.patch

    def modules(self) -> tuple[nn.Module, ...]:
        return (self.network, *self.text.modules(), self.autoencoder.model)

    def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
        """The widest layer's tokens for the longest buffer, and the autoencoder's work on a chunk."""
        config, (_, dtype) = self.network.config, self.network.place
        chunk = self.requirements(settings).largest
        tokens = self.longest_buffer * (width // self.multiple) * (height // self.multiple)
        pixels = width * height * self.autoencoder.working_values(chunk)
        return (tokens * config.width * (config.mlp_ratio + 8) + pixels) * dtype.itemsize

"""What the families have in common whose network works on a buffer of latent frames."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from ..autoencoders.video import VideoAutoencoder
from ..conditioning.ensemble import TextEnsemble
from ..conditioning.states import TextStates
from ..networks.buffer_transformer import BufferTransformer
from .base import DenoiseSettings
from .buffer_profile import BufferProfile
from .crossing import Crossing
from .devices import Part
from .parted_model import PartedModel


@dataclass(frozen=True)
class BufferModel(PartedModel):
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

    def parts(self) -> dict[Part, tuple[nn.Module, ...]]:
        return {
            "denoiser": (self.network,),
            "text_encoder": self.text.modules(),
            "autoencoder": (self.autoencoder.model,),
        }

    def read(self, prompt: str, crossing: Crossing) -> TextStates:
        """A prompt as the network reads it."""
        said = self.text.encode([prompt])
        for name, states in said.items():
            said[name] = crossing.states(states, self.network.place[0])
        return self.network.read_text(said)

    def working_bytes(self, settings: DenoiseSettings, width: int, height: int) -> dict[Part, int]:
        """The widest layer's tokens for the longest buffer, and the autoencoder's work on a chunk."""
        config, (_, dtype) = self.network.config, self.network.place
        chunk = self.requirements(settings).largest
        tokens = self.longest_buffer * (width // self.multiple) * (height // self.multiple)
        pixels = width * height * self.autoencoder.working_values(chunk)
        network = tokens * config.width * (config.mlp_ratio + 8)
        return {"denoiser": network * dtype.itemsize, "autoencoder": pixels * dtype.itemsize}

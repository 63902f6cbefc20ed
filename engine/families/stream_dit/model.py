"""The loaded parts of a StreamDiT checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ...autoencoders.video import VideoAutoencoder
from ...conditioning.ensemble import TextEnsemble
from ...conditioning.timeline import AnyConditioning, only_style
from ...errors import SettingError
from ...networks.stream_dit.model import StreamDiT
from ...sampling.partition import Partition
from ..base import DenoiseSettings, Requirements, StreamModel
from .profile import Profile
from .runner import StreamDiTRunner


@dataclass(frozen=True)
class StreamDiTModel(StreamModel):
    """Weights only; streams keep their state in runners.

    Attributes:
        network: the transformer (arXiv 2507.03745, section 3.3).
        text: its text encoders.
        autoencoder: causal, 4x8x8 in the paper and in the demo.
    """

    network: StreamDiT
    text: TextEnsemble
    autoencoder: VideoAutoencoder
    profile: Profile
    family: str = "stream_dit"

    @property
    def fps(self) -> float:
        return self.profile.fps

    def modules(self) -> tuple[nn.Module, ...]:
        return (self.network, *self.text.modules(), self.autoencoder.model)

    def activation_bytes(self, width: int, height: int, chunk: int) -> int:
        """The widest layer's tokens for the whole buffer, and the decoder's planes for a chunk."""
        config, spatial = self.network.config, self.autoencoder.spatial
        tokens = (width // spatial // config.patch) * (height // spatial // config.patch)
        buffer = self.profile.partitions[0].buffer * tokens * config.width * (config.mlp_ratio + 8) * 4
        return buffer + chunk * width * height * 64 * 4

    def partition(self, settings: DenoiseSettings) -> Partition:
        """The layout that the widgets chunk (frames) and steps ask for; raises SettingError."""
        temporal = self.autoencoder.temporal
        if settings.chunk % temporal:
            raise SettingError(
                f"chunk {settings.chunk} is no multiple of {temporal} frames: use "
                f"{self.profile.partitions[0].frames * temporal}, or 0 for the model's own."
            )
        return self.profile.partition(settings.chunk // temporal, settings.steps)

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        """A chunk is c latent frames; its first latent frame of a stream holds one picture only.

        Noise is always drawn for each frame: a buffer of equal noises is nothing the network knows.
        """
        if settings.noise not in ("shared", "fresh"):
            raise SettingError(f"noise {settings.noise} does not fit StreamDiT models: use fresh.")
        layout, temporal = self.partition(settings), self.autoencoder.temporal
        held = layout.depth(settings.strength) - 1 + (1 if self.autoencoder.lookahead else 0)
        return Requirements(
            first=1 + temporal * (layout.frames - 1),
            steady=temporal * layout.frames,
            multiple=self.autoencoder.spatial * self.network.config.patch,
            needs_source=False,
            delay=held,
        )

    def runner(
        self,
        settings: DenoiseSettings,
        conditioning: AnyConditioning,
        *,
        node_id: str,
        model_node_id: str,
        width: int,
        height: int,
    ) -> StreamDiTRunner:
        return StreamDiTRunner(
            self, settings, only_style(conditioning), node_id=node_id, width=width, height=height
        )

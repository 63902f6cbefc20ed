"""The loaded parts of a StreamEdit-DiT checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ...autoencoders.video import VideoAutoencoder
from ...conditioning.ensemble import TextEnsemble
from ...conditioning.timeline import AnyConditioning
from ...errors import SettingError
from ...networks.stream_edit_dit.model import StreamEditDiT
from ..base import DenoiseSettings, Requirements, StreamModel
from .profile import Profile
from .runner import StreamEditDiTRunner


@dataclass(frozen=True)
class StreamEditDiTModel(StreamModel):
    """Weights only; streams keep their state in runners.

    Attributes:
        network: the transformer.
        text: its text encoders.
        autoencoder: causal, 4x8x8 with 12 channels in the paper and in the demo.
    """

    network: StreamEditDiT
    text: TextEnsemble
    autoencoder: VideoAutoencoder
    profile: Profile
    family: str = "streamedit_dit"

    @property
    def fps(self) -> float:
        return self.profile.fps

    def modules(self) -> tuple[nn.Module, ...]:
        return (self.network, *self.text.modules(), self.autoencoder.model)

    def activation_bytes(self, width: int, height: int, chunk: int) -> int:
        """The widest layer's tokens for the longest window, and the decoder's planes for a chunk."""
        config, spatial = self.network.config, self.autoencoder.spatial
        item = self.network.head.weight.element_size()
        tokens = (width // spatial // config.patch) * (height // spatial // config.patch)
        longest = self.profile.window.buckets[-1] * tokens
        return longest * config.width * (config.mlp_ratio + 8) * item + chunk * width * height * 64 * item

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        """A chunk is one latent frame; the first of a stream holds one picture only.

        Noise is always drawn for each latent frame: equal noises are nothing these networks know.
        """
        if settings.noise not in ("shared", "fresh"):
            raise SettingError(f"noise {settings.noise} does not fit StreamEdit-DiT models: use fresh.")
        temporal = self.autoencoder.temporal
        if settings.chunk not in (0, temporal):
            raise SettingError(f"chunk is {settings.chunk}: this model takes {temporal} frames, set it to 0.")
        under_way = self.profile.partition(settings.steps).chunks - 1
        return Requirements(
            first=1,
            steady=temporal,
            multiple=self.autoencoder.spatial * self.network.config.patch,
            delay=under_way + (1 if self.autoencoder.lookahead else 0),
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
    ) -> StreamEditDiTRunner:
        return StreamEditDiTRunner(self, settings, conditioning, node_id=node_id, width=width, height=height)

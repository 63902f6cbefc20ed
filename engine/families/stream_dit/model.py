"""The loaded parts of a StreamDiT checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from ...conditioning.timeline import AnyConditioning, only_style
from ...errors import SettingError
from ...networks.stream_dit.model import StreamDiT
from ...sampling.partition import Partition
from ..base import DenoiseSettings, Requirements
from ..buffer_model import BufferModel
from .profile import Profile
from .runner import StreamDiTRunner


@dataclass(frozen=True)
class StreamDiTModel(BufferModel):
    """StreamDiT (arXiv 2507.03745, section 3.3)."""

    network: StreamDiT
    profile: Profile
    family: str = "stream_dit"

    @property
    def longest_buffer(self) -> int:
        return self.profile.partitions[0].buffer

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
        settings.require_noise_per_frame("StreamDiT models")
        layout, temporal = self.partition(settings), self.autoencoder.temporal
        held = layout.depth(settings.strength) - 1 + (1 if self.autoencoder.lookahead else 0)
        return Requirements(
            first=1 + temporal * (layout.frames - 1),
            steady=temporal * layout.frames,
            multiple=self.multiple,
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

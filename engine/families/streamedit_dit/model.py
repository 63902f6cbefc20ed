"""The loaded parts of a StreamEdit-DiT checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import SettingError
from ...networks.streamedit_dit.model import StreamEditDiT
from ..base import DenoiseSettings, Requirements
from ..buffer_model import BufferModel
from .checkpoint import Description
from .profile import Profile


@dataclass(frozen=True)
class StreamEditDiTModel(BufferModel):
    """StreamEdit-DiT."""

    network: StreamEditDiT
    profile: Profile
    family: str = Description.FAMILY

    @property
    def longest_buffer(self) -> int:
        return self.profile.window.buckets[-1]

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        """A chunk is one latent frame; the first of a stream holds one picture only.

        Noise is always drawn for each latent frame: equal noises are nothing these networks know.
        """
        settings.require_noise_per_frame("StreamEdit-DiT models")
        temporal = self.autoencoder.temporal
        if settings.chunk not in (0, temporal):
            raise SettingError(f"chunk is {settings.chunk}: this model takes {temporal} frames, set it to 0.")
        under_way = self.profile.partition(settings.steps).chunks - 1
        return Requirements(
            first=1,
            chunk_frames=temporal,
            multiple=self.multiple,
            delay=under_way + (1 if self.autoencoder.lookahead else 0),
        )

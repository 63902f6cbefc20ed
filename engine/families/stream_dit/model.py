"""The loaded parts of a StreamDiT checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import SettingError
from ...networks.stream_dit.model import StreamDiT
from ...sampling.partition import Partition
from ..base import DenoiseSettings, Requirements
from ..buffer_model import BufferModel
from .checkpoint import Description
from .profile import Profile


@dataclass(frozen=True)
class StreamDiTModel(BufferModel):
    """StreamDiT (arXiv 2507.03745, section 3.3)."""

    network: StreamDiT
    profile: Profile
    family: str = Description.FAMILY

    @property
    def longest_buffer(self) -> int:
        return max(layout.buffer for layout in self.profile.partitions)

    def partition(self, settings: DenoiseSettings) -> Partition:
        """The layout that the widgets chunk (frames) and steps ask for; raises SettingError."""
        self.check_chunk(settings.chunk)
        frames = settings.chunk // self.autoencoder.temporal
        layout = self.profile.partition(frames, settings.steps)
        if layout is None:
            known = ", ".join(map(str, self.profile.steps(frames)))
            raise SettingError(
                f"steps {settings.steps} was not trained for this chunk: use {known}, or 1 for the model's."
            )
        return layout

    def check_chunk(self, chunk: int) -> None:
        """Raises SettingError for a number of frames that no layout has in a chunk; 0 is the model's own."""
        sizes = [frames * self.autoencoder.temporal for frames in self.profile.sizes]
        if chunk and chunk not in sizes:
            known = ", ".join(map(str, sizes))
            raise SettingError(f"chunk {chunk} was not trained: use {known}, or 0 for the model's own.")

    def check_steps(self, steps: int) -> None:
        """Raises SettingError for a number of evaluations that no layout has; 1 is the model's own."""
        known = {layout.micro_steps for layout in self.profile.partitions} | {1}
        if steps not in known:
            names = ", ".join(map(str, sorted(known)))
            raise SettingError(f"steps {steps} was not trained: use {names}; 1 is the model's own.")

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        """A chunk is c latent frames; its first latent frame of a stream holds one picture only.

        Noise is always drawn for each frame: a buffer of equal noises is nothing the network knows.
        """
        settings.require_noise_per_frame("StreamDiT models")
        layout, temporal = self.partition(settings), self.autoencoder.temporal
        held = layout.depth(settings.strength) - 1 + (1 if self.autoencoder.lookahead else 0)
        return Requirements(
            first=1 + temporal * (layout.frames - 1),
            chunk_frames=temporal * layout.frames,
            multiple=self.multiple,
            needs_source=False,
            delay=held,
        )

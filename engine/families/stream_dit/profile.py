"""What a StreamDiT checkpoint was trained for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ...errors import SettingError
from ...sampling.moving_buffer import Advance
from ...sampling.partition import Partition
from ..buffer_profile import BufferProfile


@dataclass(frozen=True)
class Profile(BufferProfile):
    """The streaming side of a checkpoint; the network's own sizes are its ``StreamDiTConfig``.

    Attributes:
        partitions: layouts of the buffer it was trained for, the default one first. They share the
            number of frames, so that a stream can change between them.
        advance: how a frame moves from one level to the next.
        guidance: weight of classifier-free guidance; 1 for a distilled model, which needs none.
    """

    advance: Advance = "euler"
    guidance: float = 1.0
    fps: float = 16.0

    def __post_init__(self) -> None:
        if len({layout.length for layout in self.partitions}) != 1:
            raise SettingError("profile.partitions: name at least one layout, all of the same length N * c.")
        if self.advance not in get_args(Advance):
            raise SettingError(f"profile.advance is {self.advance}: use {' or '.join(get_args(Advance))}.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """The trained c, latent frames in a chunk, ascending."""
        return tuple(sorted({layout.frames for layout in self.partitions}))

    def partition(self, frames: int, micro_steps: int) -> Partition | None:
        """The trained layout with ``frames`` latent frames in a chunk and ``micro_steps`` evaluations of it.

        Args:
            frames: c; 0 takes the default layout's.
            micro_steps: s; 1, the widget's default, takes the first that was trained unless 1 was.

        Returns:
            None where none was trained.
        """
        sized = self._sized(frames)
        exact = [layout for layout in sized if layout.micro_steps == micro_steps]
        return next(iter(exact or (sized if micro_steps == 1 else [])), None)

    def steps(self, frames: int) -> tuple[int, ...]:
        """The trained s for a chunk of c = ``frames``, ascending; 0 takes the default layout's c."""
        return tuple(sorted({layout.micro_steps for layout in self._sized(frames)}))

    def _sized(self, frames: int) -> list[Partition]:
        frames = frames or self.partitions[0].frames
        return [layout for layout in self.partitions if layout.frames == frames]

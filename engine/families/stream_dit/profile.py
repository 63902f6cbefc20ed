"""What a StreamDiT checkpoint was trained for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...autoencoders.latents import LatentFormat
from ...errors import SettingError
from ...sampling.partition import Partition


@dataclass(frozen=True)
class Profile:
    """The streaming side of a checkpoint; the network's own sizes are its ``StreamDiTConfig``.

    Attributes:
        partitions: layouts of the buffer it was trained for, the default one first. They share the
            number of frames, so that a stream can change between them.
        advance: how a frame moves from one level to the next.
        guidance: weight of classifier-free guidance; 1 for a distilled model, which needs none.
        latents: mean and deviation that bring the autoencoder's latents to what the network reads.
        text_limits: (name, tokens) of each text encoder, in the network's order.
        fps: frames a second.
    """

    partitions: tuple[Partition, ...]
    advance: Literal["euler", "renoise"] = "euler"
    guidance: float = 1.0
    latents: LatentFormat = LatentFormat()
    text_limits: tuple[tuple[str, int], ...] = ()
    fps: float = 16.0

    def __post_init__(self) -> None:
        if len({layout.length for layout in self.partitions}) != 1:
            raise SettingError("profile.partitions: name at least one layout, all of the same length N * c.")

    def partition(self, frames: int, micro_steps: int) -> Partition:
        """The trained layout that settings ask for.

        Args:
            frames: latent frames in a chunk; 0 takes the default layout's.
            micro_steps: evaluations a chunk; 1, the widget's default, takes the first that was trained.

        Raises:
            SettingError: none was trained; the text names those that were.
        """
        frames = frames or self.partitions[0].frames
        sized = [layout for layout in self.partitions if layout.frames == frames]
        if not sized:
            known = ", ".join(str(layout.frames) for layout in self.partitions)
            raise SettingError(f"chunk: this model knows chunks of {known} latent frames, not {frames}.")
        if micro_steps == 1:
            return sized[0]
        for layout in sized:
            if layout.micro_steps == micro_steps:
                return layout
        known = ", ".join(str(layout.micro_steps) for layout in sized)
        raise SettingError(
            f"steps {micro_steps} was not trained for this chunk: use {known}, or 1 for the model's."
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Profile:
        """What ``as_json`` wrote; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            **{
                **values,
                "partitions": tuple(Partition(**layout) for layout in values["partitions"]),
                "latents": LatentFormat(**{key: tuple(row) for key, row in values["latents"].items()}),
                "text_limits": tuple((str(name), int(most)) for name, most in values["text_limits"]),
            }
        )

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

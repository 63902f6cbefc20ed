"""What the checkpoints of the families have in common whose network works on a buffer of latent frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..autoencoders.latents import LatentFormat
from ..sampling.partition import Partition


@dataclass(frozen=True)
class BufferProfile:
    """What a checkpoint was trained for; the network's own sizes are its config.

    Attributes:
        partitions: layouts of the buffer, the default one first.
        latents: mean and deviation that bring the autoencoder's latents to what the network reads.
        text_limits: (name, tokens) of each text encoder, in the network's order.
        fps: frames a second.
    """

    partitions: tuple[Partition, ...]
    latents: LatentFormat = LatentFormat()
    text_limits: tuple[tuple[str, int], ...] = ()
    fps: float = 24.0

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
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
        """For ``config.json``."""
        return dataclasses.asdict(self)

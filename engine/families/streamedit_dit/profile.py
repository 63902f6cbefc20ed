"""What a StreamEdit-DiT checkpoint was trained for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...autoencoders.latents import LatentFormat
from ...errors import SettingError
from ...sampling.adaptive_window import WindowSettings
from ...sampling.edit_stream import PIPELINED, SEQUENTIAL
from ...sampling.flow_match import Prediction
from ...sampling.partition import Partition


@dataclass(frozen=True)
class Profile:
    """The streaming side of a checkpoint; the network's own sizes are its ``StreamEditDiTConfig``.

    Attributes:
        partitions: how the evaluations of a frame may be spread, the default first: pipelined over
            several frames under way, or one after another. A later one with a single evaluation a frame
            (diagonal) was trained, but has no number of ``steps`` to be asked for by.
        prediction: what the network's output means; the paper writes noise, its lineage velocity.
        window: how the adaptive window reacts.
        latents: mean and deviation that bring the autoencoder's latents to what the network reads.
        text_limits: (name, tokens) of each text encoder, in the network's order.
        fps: frames a second of the clips it was trained on.
    """

    partitions: tuple[Partition, ...] = (PIPELINED, SEQUENTIAL)
    prediction: Prediction = "velocity"
    window: WindowSettings = WindowSettings()
    latents: LatentFormat = LatentFormat()
    text_limits: tuple[tuple[str, int], ...] = ()
    fps: float = 24.0

    def __post_init__(self) -> None:
        if not self.partitions or any(layout.frames != 1 or layout.references for layout in self.partitions):
            raise SettingError(
                "profile.partitions: name at least one layout; frames is 1 and references 0 in all of them."
            )

    def partition(self, steps: int) -> Partition:
        """The trained layout that the widget ``steps`` asks for.

        Args:
            steps: evaluations between two results; 1, the widget's default, takes the model's own layout.

        Raises:
            SettingError: none was trained; the text names those that were.
        """
        if steps == 1:
            return self.partitions[0]
        for layout in self.partitions:
            if layout.micro_steps == steps:
                return layout
        known = ", ".join(map(str, sorted({1} | {layout.micro_steps for layout in self.partitions})))
        raise SettingError(f"steps {steps} was not trained: use {known}; 1 is the model's own layout.")

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Profile:
        """What ``as_json`` wrote; raises KeyError, TypeError or ValueError for anything else."""
        window = dict(values.get("window", {}))
        if "buckets" in window:
            window["buckets"] = tuple(window["buckets"])
        return cls(
            **{
                **values,
                "partitions": tuple(Partition(**layout) for layout in values["partitions"]),
                "window": WindowSettings(**window),
                "latents": LatentFormat(**{key: tuple(row) for key, row in values["latents"].items()}),
                "text_limits": tuple((str(name), int(most)) for name, most in values["text_limits"]),
            }
        )

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

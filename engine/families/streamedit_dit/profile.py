"""What a StreamEdit-DiT checkpoint was trained for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ...errors import SettingError
from ...sampling.adaptive_window import WindowSettings
from ...sampling.edit_stream import PIPELINED, SEQUENTIAL
from ...sampling.flow_match import Prediction
from ...sampling.partition import Partition
from ..buffer_profile import BufferProfile


@dataclass(frozen=True)
class Profile(BufferProfile):
    """The streaming side of a checkpoint; the network's own sizes are its ``StreamEditDiTConfig``.

    Attributes:
        partitions: how the evaluations of a frame may be spread, the default first: pipelined over
            several frames under way, or one after another. A later one with a single evaluation a frame
            (diagonal) was trained, but has no number of ``steps`` to be asked for by.
        prediction: what the network's output means; the paper writes noise, its lineage velocity.
        window: how the adaptive window reacts.
    """

    partitions: tuple[Partition, ...] = (PIPELINED, SEQUENTIAL)
    prediction: Prediction = "velocity"
    window: WindowSettings = WindowSettings()

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
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        window = dict(values.get("window", {}))
        if "buckets" in window:
            window["buckets"] = tuple(window["buckets"])
        return super().from_json({**values, "window": WindowSettings(**window)})

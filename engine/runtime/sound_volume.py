"""The live volume of a target: read frame by frame as pictures are handed over, and heard from there on."""

from __future__ import annotations

from ..families.base import LiveParameter
from ..media.lossless_sink import LosslessSpec
from ..media.types import Frames
from ..media.volume import LOUDEST, Volume
from .parameters import ParameterStore
from .plan import PlanNode, Write


def volume_parameters(plan: PlanNode) -> list[LiveParameter]:
    """How loud each target of the plan is; a source that is kept stays as it is."""
    return [
        LiveParameter(_key(node), "float", node.operation.volume, 0.0, LOUDEST, late=True)
        for node in plan.walk()
        if isinstance(node.operation, Write) and not isinstance(node.operation.sink, LosslessSpec)
    ]


def _key(node: PlanNode) -> str:
    return f"{node.node_id}.volume"


class SoundVolume:
    """Of one write node.

    Attributes:
        volume: over the stream's time, as far as frames were handed over.
    """

    def __init__(self, node: PlanNode, store: ParameterStore) -> None:
        self._key, self._store = _key(node), store
        self._ends: int | None = None
        self._known = self._key in store.parameters()
        self.volume = Volume(float(store.snapshot()[self._key]) if self._known else 1.0)

    def end(self, frame: int) -> None:
        """The sound belongs to none of the frames from this one on, and is silent; before they come."""
        if self._ends is None:
            self._ends = frame

    def follow(self, frames: Frames) -> None:
        """These frames come next; before their target has them."""
        if not self._known:
            return
        read = [self._store.of(self._key, moment, frames.index + i) for i, moment in enumerate(frames.pts)]
        for number, (moment, values) in enumerate(zip(frames.pts, read, strict=True), frames.index):
            silent = self._ends is not None and number >= self._ends
            self.volume.put(moment, 0.0 if silent else float(values[self._key]))
        self._store.applied((self._key,), read[0], read[0], frames.chunk, frames.index, frames.pts[0])

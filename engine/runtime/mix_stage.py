"""Streams that are joined by time, between edges: the first gives the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial

import numpy as np

from ..families.base import LiveParameter
from ..media.mixing import Mix, mixed
from ..media.types import Frames
from .chunk_worker import ChunkWorker
from .control import Control
from .edge import Edge, Fanout
from .follower import Follower
from .live_values import LiveValues
from .parameters import ParameterStore
from .plan import PlanNode
from .telemetry import Telemetry

LIVE = tuple(field.name for field in fields(Mix) if field.name != "mix")
SMALLEST = 0.05
"""Of an inset: smaller ones are specks."""


def mix_parameters(plan: PlanNode) -> list[LiveParameter]:
    """What can be changed live on the plan's nodes that mix."""
    return [
        LiveParameter(
            f"{node.node_id}.{name}",
            "float",
            getattr(node.operation, name),
            SMALLEST if name == "inset_size" else 0.0,
            1.0,
            late=True,
        )
        for node in plan.walk()
        if isinstance(node.operation, Mix)
        for name in LIVE
    ]


class MixStage(ChunkWorker):
    """Mixes what the first stream has with what the others show at its frames' times.

    Args:
        operation, node_id: of the node that mixes.
        raw: whether the first stream is as it was read, so that the mix is what later nodes call its source.
        inlet: the first stream's frames.
        others: of the second, and of the mask where there is one.
        outlet: everyone who uses the result.
        store: live values, read for each frame when its chunk is begun.
        telemetry, control: of the session.
    """

    def __init__(
        self,
        operation: Mix,
        node_id: str,
        raw: bool,
        inlet: Edge,
        others: Sequence[Follower],
        outlet: Fanout,
        store: ParameterStore,
        telemetry: Telemetry,
        control: Control,
    ) -> None:
        super().__init__("mix", "Mix", outlet, telemetry, control)
        self._mix, self._raw = operation, raw
        self._keys = tuple(f"{node_id}.{name}" for name in LIVE)
        self._inlet, self._others, self._store = inlet, others, store
        self._waiting: Frames | None = None
        self._seen: list[list[np.ndarray]] = []
        self._late: list[LiveValues] = []

    @property
    def _exhausted(self) -> bool:
        return self._inlet.exhausted and self._waiting is None

    def advance(self) -> bool:
        for each in self._others:
            if self._ended:
                each.drop()
            else:
                each.keep_up()
        return super().advance()

    def _begin(self) -> Callable[[], Frames] | None:
        if self._waiting is None and len(self._inlet):
            self._waiting, self._seen = self._inlet.take(self._inlet.head), []
        frames = self._waiting
        if frames is None:
            return None
        for moment in frames.pts[len(self._seen) :]:
            pictures = [seen for each in self._others if (seen := each.at(moment)) is not None]
            missing = any(each.missing for each in self._others)
            if not missing and len(pictures) < len(self._others):
                return None
            self._seen.append([] if missing else pictures)
        self._waiting = None
        self._late = [
            self._store.late(moment, frames.index + number, self._keys)
            for number, moment in enumerate(frames.pts)
        ]
        mixes = [replace(self._mix, **self._values(late)) for late in self._late]
        return partial(self._mixed, frames, mixes, self._seen)

    def _values(self, late: LiveValues) -> dict[str, float]:
        return {name: float(late[key]) for name, key in zip(LIVE, self._keys, strict=True)}

    def _mixed(self, frames: Frames, mixes: list[Mix], seen: list[list[np.ndarray]]) -> Frames:
        rows = zip(mixes, frames.pixels, seen, strict=True)
        pixels = np.stack([mixed(mix, own, *others) if others else own for mix, own, others in rows])
        return replace(frames, pixels=pixels, source=pixels if self._raw else frames.source)

    def _done(self, frames: Frames) -> None:
        for number, late in enumerate(self._late):
            self._store.applied(
                self._keys, late, late, frames.chunk, frames.index + number, frames.pts[number]
            )

"""Post-hoc blending between two edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..families.base import LiveParameter
from ..media.types import Frames
from ..motion.blend import FlowBlender
from .chunk_worker import ChunkWorker
from .control import Control
from .edge import Edge, Fanout
from .live_values import LiveValues
from .parameters import ParameterStore
from .plan import FlowBlend, PlanNode
from .telemetry import Telemetry


def flow_blend_parameters(plan: PlanNode) -> list[LiveParameter]:
    """What can be changed live on the plan's FlowWarp nodes."""
    return [
        LiveParameter(_key(node.node_id), "float", node.operation.blend, 0.0, 1.0, late=True)
        for node in plan.walk()
        if isinstance(node.operation, FlowBlend)
    ]


def _key(node_id: str) -> str:
    return f"{node_id}.blend"


class FlowBlendStage(ChunkWorker):
    """Blends each frame with the one before it.

    Args:
        operation, node_id: of the FlowWarp node.
        inlet: its frames.
        outlet: everyone who uses the result.
        store: live values, read when a chunk is begun.
        telemetry, control: of the session.
    """

    def __init__(
        self,
        operation: FlowBlend,
        node_id: str,
        inlet: Edge,
        outlet: Fanout,
        store: ParameterStore,
        telemetry: Telemetry,
        control: Control,
    ) -> None:
        super().__init__("warp", "Flow warp", outlet, telemetry, control)
        self._blend = FlowBlender(operation.flow, operation.occlusion)
        self._key = _key(node_id)
        self._inlet, self._store = inlet, store
        self._late = LiveValues({})

    @property
    def _exhausted(self) -> bool:
        return self._inlet.exhausted

    def _begin(self) -> Callable[[], Frames] | None:
        if not len(self._inlet):
            return None
        frames = self._inlet.take(self._inlet.head)
        self._late = self._store.late(frames.begins, frames.index, (self._key,))
        share, guide = float(self._late[self._key]), frames.source
        guide = frames.pixels if guide is None else guide
        return lambda: replace(frames, pixels=self._blend.blend(frames.pixels, guide, share))

    def _done(self, frames: Frames) -> None:
        late = self._late
        self._store.applied((self._key,), late, late, frames.chunk, frames.index, frames.pts[0])

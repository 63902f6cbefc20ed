"""Post-hoc blending on a thread of its own, between two edges."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from ..families.base import LiveParameter
from ..media.types import Frames
from ..motion.blend import FlowBlender
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


class FlowBlendStage:
    """Blends one chunk at a time; ``advance`` belongs to the session's thread.

    Args:
        operation, node_id: of the FlowWarp node.
        inlet: its frames.
        outlet: everyone who uses the result.
        store: live values, read when a chunk is begun.
        telemetry: gets the time of each chunk.
        control: woken when a chunk is done; gets failures.
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
        self._blend = FlowBlender(operation.flow, operation.occlusion)
        self._key = _key(node_id)
        self._inlet, self._outlet = inlet, outlet
        self._store, self._telemetry, self._control = store, telemetry, control
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="livestyle-warp")
        self._job: tuple[Future[Frames | None], LiveValues] | None = None
        self._ended = False

    @property
    def working(self) -> bool:
        """Whether the thread is at work for us."""
        return self._job is not None and not self._job[0].done()

    def advance(self) -> bool:
        moved = False
        if self._job is not None and not self.working and self._outlet.room:
            self._deliver()
            moved = True
        if self._job is None and len(self._inlet):
            frames = self._inlet.take(self._inlet.head)
            late = self._store.late(frames.begins, frames.index, (self._key,))
            self._job = self._thread.submit(self._work, frames, float(late[self._key])), late
            self._job[0].add_done_callback(lambda _: self._control.wake())
            moved = True
        if not self._ended and self._job is None and self._inlet.exhausted:
            self._ended = True
            self._outlet.end()
            moved = True
        return moved

    def release(self) -> None:
        """Let go of the thread; call when not ``working``."""
        self._thread.shutdown(wait=False)

    def _deliver(self) -> None:
        assert self._job is not None
        job, late = self._job
        self._job = None
        frames = job.result()
        if frames is None:  # it failed, which ``control`` has
            return
        self._store.applied((self._key,), late, late, frames.chunk, frames.index, frames.pts[0])
        self._outlet.push(frames)

    def _work(self, frames: Frames, share: float) -> Frames | None:
        started = time.perf_counter()
        try:
            guide = frames.pixels if frames.source is None else frames.source
            done = replace(frames, pixels=self._blend.blend(frames.pixels, guide, share))
        except BaseException as error:  # ends the session, on its own thread
            self._control.fail("Flow warp", error)
            return None
        self._telemetry.stage("warp", time.perf_counter() - started)
        return done

"""The running form of a plan: feeds, pipelines and outputs, joined by edges.

One thread moves chunks along by calling ``advance``; nothing in here blocks or computes. All
that takes time runs elsewhere (decoding threads, lanes, writing threads) and wakes that thread.
A part hands a chunk on only when every stream behind it has room, so the branches of a plan stay
in step and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..errors import MediaError
from ..families.base import Requirements, Runner, StreamModel
from ..media.recording import RecordingSink, RecordSwitch, StreamFormat
from ..media.sinks import SinkSpec
from ..media.types import Frames, FrameSink, FrameSource, SinkResult
from .compare import composite_width
from .control import Control
from .edge import Edge, Fanout
from .feeds import CounterFeed, Feed, SourceFeed
from .flow_blend import FlowBlendStage
from .lanes import Lanes
from .model_placement import remedy_for
from .parameters import ParameterStore
from .plan import FlowBlend, PlanNode, Read, Stylise, Write, stylised
from .preview import PreviewHub
from .stage_pipeline import StagePipeline
from .telemetry import Telemetry
from .writer import SinkWriter

COPY_CHUNK = 8
"""Frames read at a time where no model asks for a number."""


@dataclass(frozen=True)
class SessionContext:
    """What all parts of a session use together; ``acquire`` puts all models of the plan on the device."""

    control: Control
    telemetry: Telemetry
    store: ParameterStore
    preview: PreviewHub
    acquire: Callable[[], None]
    lanes: Lanes
    recorders: Mapping[str, RecordSwitch]
    on_take: Callable[[str, SinkResult], None]
    on_first_chunk: Callable[[], None]


@dataclass(frozen=True)
class LoadedPlan:
    """What was opened and loaded for a plan.

    Attributes:
        sources: of each read node, not started yet.
        models, runners: of each denoising node.
        width, height: the size that all of them work at.
    """

    sources: Mapping[PlanNode, FrameSource]
    models: Mapping[PlanNode, StreamModel]
    runners: Mapping[PlanNode, Runner]
    width: int
    height: int

    def rate(self, node: PlanNode) -> Fraction:
        """Frames a second of a stream."""
        origin = node.origin
        if origin in self.sources:
            return self.sources[origin].info.fps
        fps = stylised(origin).settings.fps or self.models[origin].fps
        return Fraction(fps).limit_denominator(1001)

    def length(self, node: PlanNode) -> int | None:
        """Frames of a stream, as far as known beforehand."""
        origin = node.origin
        if origin in self.sources:
            return self.sources[origin].info.frames
        return stylised(origin).settings.length or None


class _FeedPart:
    """Moves chunks from a feed to everyone who uses them."""

    def __init__(self, feed: Feed, outlet: Fanout) -> None:
        self.feed = feed
        self._outlet = outlet
        self._ended = False

    def advance(self) -> bool:
        if self._ended:
            return False
        if self.feed.ended:  # told at once: a last short chunk waits for it
            self._ended = True
            self._outlet.end()
            return True
        frames = self.feed.poll() if self._outlet.room else None
        if frames is None:
            return False
        self._outlet.push(frames)
        return True


class _PipelinePart:
    """Moves chunks through a pipeline, in the sizes that its runner wants."""

    def __init__(
        self, pipeline: StagePipeline, inlet: Edge, outlet: Fanout, acquire: Callable[[], None]
    ) -> None:
        self.pipeline = pipeline
        self._inlet = inlet
        self._outlet = outlet
        self._acquire = acquire
        self._ended = False

    def advance(self) -> bool:
        moved = False
        if self.pipeline.ready and self._outlet.room:
            self._outlet.push(self.pipeline.take())
            moved = True
        wanted = self.pipeline.wanted
        if wanted and len(self._inlet) and (len(self._inlet) >= wanted or self._inlet.ended):
            if self.pipeline.idle:
                self._acquire()
            self.pipeline.feed(self._inlet.take(min(wanted, len(self._inlet))))
            moved = True
        elif self._inlet.exhausted and self.pipeline.drain():
            moved = True
        if not self._ended and self._inlet.exhausted and self.pipeline.idle:
            self._ended = True
            self._outlet.end()
            moved = True
        return moved


class _OutputPart:
    """Pairs the result with what it is compared with, shows it, and hands it to a writer."""

    def __init__(
        self,
        writer: SinkWriter,
        result: Edge,
        compared: Edge | None,
        preview: PreviewHub | None,
        on_chunk: Callable[[], None],
    ) -> None:
        self.writer = writer
        self._result = result
        self._compared = compared
        self._preview = preview
        self._on_chunk = on_chunk
        self._last_compared: np.ndarray | None = None
        self.ended = False

    def advance(self) -> bool:
        if self.ended or not self.writer.room:
            return False
        if self._result.exhausted:
            self.ended = True
            self.writer.end()
            return True
        count = self._result.head
        if self._compared is not None and not self._compared.ended:
            count = min(count, len(self._compared))
        if not count:
            return False
        self._deliver(self._result.take(count))
        return True

    def _deliver(self, frames: Frames) -> None:
        if self._compared is not None:
            frames = replace(frames, source=self._take_compared(self._compared, len(frames)))
        self.writer.put(frames)
        self._on_chunk()
        if self._preview is not None:
            self._preview.publish(frames)

    def _take_compared(self, edge: Edge, count: int) -> np.ndarray:
        """``count`` pictures; a stream that is shorter than the result stands still at its end."""
        present = min(count, len(edge))
        pictures = [] if self._last_compared is None else [self._last_compared] * (count - present)
        if present:
            pixels = edge.take(present).pixels
            self._last_compared = pixels[-1]
            pictures = [*pixels, *[pixels[-1]] * (count - present)]
        if not pictures:
            raise MediaError("the stream to compare with has no frames: connect another to compare")
        return np.stack(pictures)


class StreamGraph:
    """A plan at work.

    Args:
        plan: the write node that pumps.
        loaded: what was opened and loaded for it; the flow closes the sources.
        context: what the session's parts share.
    """

    def __init__(self, plan: PlanNode, loaded: LoadedPlan, context: SessionContext) -> None:
        self._loaded = loaded
        self._context = context
        self._plan = plan
        self._outlets = {node: Fanout() for node in plan.walk()}
        self._queues: dict[str, Edge] = {}
        nodes = list(plan.walk())
        # Each model may hold chunks back, at least until one is full, so this many frames always suffice.
        self._in_work = sum(
            runner.requirements.largest * (1 + (runner.requirements.delay if node.parents else 0))
            for node, runner in loaded.runners.items()
        )
        self._outputs = self._make_outputs([node for node in nodes if isinstance(node.operation, Write)])
        self._pipelines: list[_PipelinePart] = []
        self._steadies: list[FlowBlendStage] = []
        self._feeds: list[_FeedPart] = []
        for node in reversed(nodes):
            if isinstance(node.operation, Stylise):
                self._make_pipeline(node)
            elif isinstance(node.operation, FlowBlend):
                self._make_flow_blend(node, node.operation)
            elif isinstance(node.operation, Read):
                self._make_source(node, node.operation)

    @property
    def ending(self) -> bool:
        """Whether all frames are with the targets, which only have to be written and closed."""
        return all(part.ended for part in self._outputs.values())

    @property
    def finished(self) -> bool:
        """Whether every target is written."""
        return all(part.writer.result is not None for part in self._outputs.values())

    @property
    def results(self) -> dict[str, SinkResult]:
        """What each write node left behind, by its id; nothing for one that is still at work."""
        parts = self._outputs.items()
        return {node.node_id: part.writer.result for node, part in parts if part.writer.result is not None}

    def advance(self) -> bool:
        """Move chunks as far as they can go without waiting; False when nothing moved."""
        parts: Sequence[_FeedPart | _PipelinePart | FlowBlendStage | _OutputPart]
        parts = [*self._outputs.values(), *self._steadies, *self._pipelines, *self._feeds]
        moved = [part.advance() for part in parts]
        self._context.telemetry.queues({name: len(edge) for name, edge in self._queues.items()})
        self._context.telemetry.drops(self._context.preview.dropped)
        return any(moved)

    def start(self) -> None:
        """Open the targets and begin to read."""
        self._context.telemetry.begin()
        self._context.telemetry.watch(
            {node.node_id: source.status for node, source in self._loaded.sources.items()},
            {node.node_id: part.writer.status for node, part in self._outputs.items()},
        )
        for part in self._outputs.values():
            part.writer.start()
        for part in self._feeds:
            part.feed.start()

    def stop(self) -> None:
        """End all feeds at the next frame; what was decoded is still processed."""
        for part in self._feeds:
            part.feed.stop()

    def abort(self, timeout: float) -> None:
        """Leave the targets playable and wait until no lane works for us; ``control`` is halted."""
        for part in self._feeds:
            part.feed.release()
        for part in self._outputs.values():
            part.writer.abort()
        for part in self._outputs.values():
            part.writer.join(timeout)
        pipelines = [part.pipeline for part in self._pipelines]
        while any(part.working for part in (*pipelines, *self._steadies)):
            self._context.control.wait()

    def release(self) -> None:
        """Let go of chunks and caches, once nothing works for us any more."""
        for part in self._pipelines:
            part.pipeline.release()
        for part in self._steadies:
            part.release()

    def readers(self) -> list[SourceFeed]:
        """The decoding threads, which may outlive us while a source blocks them."""
        return [part.feed for part in self._feeds if isinstance(part.feed, SourceFeed)]

    @property
    def _waiting_room(self) -> int:
        """Frames for which a stream that needs no model waits for the ones that do."""
        return max(COPY_CHUNK, self._in_work * (self._context.lanes.plan.prefetch + 3))

    def _make_outputs(self, nodes: list[PlanNode]) -> dict[PlanNode, _OutputPart]:
        shown = next((node for node in reversed(nodes) if _writes(node).preview), None)
        return {node: self._make_output(node, node == shown) for node in nodes}

    def _make_output(self, node: PlanNode, shown: bool) -> _OutputPart:
        write, loaded, context = _writes(node), self._loaded, self._context
        capacity = self._waiting_room
        result = self._queues[f"{node.node_id} write"] = self._outlets[node.inputs[0]].add(capacity)
        compared = self._outlets[node.inputs[1]].add(capacity) if len(node.inputs) > 1 else None
        source = loaded.sources.get(node.inputs[0].origin)
        width = composite_width(write.compare, loaded.width)
        rate = loaded.rate(node.inputs[0])

        def written(frames: Frames) -> None:
            if node == self._plan:
                context.telemetry.delivered(frames.captured_at)

        form = StreamFormat(width, loaded.height, rate, None)
        if source is not None:
            form = replace(form, audio=source.audio, ending=source.ending)
        writer = SinkWriter(
            lambda: self._open_sink(node, form),
            write.compare,
            context.control,
            context.telemetry,
            written,
        )
        return _OutputPart(
            writer, result, compared, context.preview if shown else None, context.on_first_chunk
        )

    def _open_sink(self, node: PlanNode, form: StreamFormat) -> FrameSink:
        spec, context = _writes(node).sink, self._context
        if not isinstance(spec, SinkSpec):
            return spec.open(form.width, form.height, form.fps, form.audio)
        switch = context.recorders[node.node_id]
        return RecordingSink(spec, form, switch, lambda taken: context.on_take(node.node_id, taken))

    def _make_pipeline(self, node: PlanNode) -> None:
        loaded, context = self._loaded, self._context
        runner = loaded.runners[node]
        needs = runner.requirements
        pipeline = StagePipeline(
            runner,
            context.lanes,
            context.store,
            context.telemetry,
            context.control,
            prefetch=context.lanes.plan.prefetch,
            remedy=remedy_for(needs.largest, loaded.width, loaded.height),
        )
        context.telemetry.read(node.node_id, runner.readout)
        if node.parents:
            inlet = self._outlets[node.parents[0].stream].add(self._in_work)
        else:
            inlet = Edge(1)  # frames that are only numbers cost nothing to make: one chunk at a time
            self._feeds.append(_FeedPart(self._counter(node, needs), Fanout(inlet)))
        self._queues[f"{node.node_id} encode"] = inlet
        self._pipelines.append(_PipelinePart(pipeline, inlet, self._outlets[node], context.acquire))

    def _make_flow_blend(self, node: PlanNode, blend: FlowBlend) -> None:
        inlet = self._outlets[node.parents[0].stream].add(self._waiting_room)
        self._queues[f"{node.node_id} warp"] = inlet
        context = self._context
        self._steadies.append(
            FlowBlendStage(
                blend,
                node.node_id,
                inlet,
                self._outlets[node],
                context.store,
                context.telemetry,
                context.control,
            )
        )

    def _counter(self, node: PlanNode, needs: Requirements) -> CounterFeed:
        length = self._loaded.length(node) or 0
        return CounterFeed(length, self._loaded.rate(node), needs.first, needs.chunk_frames)

    def _make_source(self, node: PlanNode, read: Read) -> None:
        loaded, context = self._loaded, self._context
        source = loaded.sources[node]
        source.start(loaded.width, loaded.height, read.resize)
        users = [runner.requirements for user, runner in loaded.runners.items() if node in user.inputs]
        first = min((needs.first for needs in users), default=COPY_CHUNK)
        chunk_frames = min((needs.chunk_frames for needs in users), default=COPY_CHUNK)
        feed = SourceFeed(source, first, chunk_frames, context.control, context.telemetry)
        self._feeds.append(_FeedPart(feed, self._outlets[node]))


def _writes(node: PlanNode) -> Write:
    assert isinstance(node.operation, Write)
    return node.operation

"""The running form of a plan: feeds, pipelines and outputs, joined by edges.

One thread moves chunks along by calling ``advance``; nothing in here blocks or computes. All
that takes time runs elsewhere (decoding threads, lanes, writing threads) and wakes that thread.
A part hands a chunk on only when every stream behind it has room, so the branches of a plan stay
in step and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import replace
from functools import partial

from ..conditioning.timeline import AnyConditioning
from ..families.base import Requirements
from ..media.mixing import Mix
from ..media.recording import RecordingSink, StreamFormat
from ..media.sinks import SinkSpec
from ..media.types import Frames, FrameSink, SinkResult
from ..takes.beside import TakeBeside
from ..takes.header import header_of
from .chunk_worker import ChunkWorker
from .compare import composite_width
from .edge import Edge, Fanout
from .feeds import CounterFeed, Feed, SourceFeed
from .flow_blend import FlowBlendStage
from .follower import Follower
from .loaded_plan import LoadedPlan
from .mix_stage import MixStage
from .model_placement import remedy_for
from .output import OutputPart
from .parts import FeedPart, Part, PipelinePart, Successor
from .pause import Gate, Pause
from .plan import FlowBlend, PlanNode, Read, Stylise, Write
from .session_context import SessionContext
from .sound_volume import SoundVolume
from .stage_pipeline import StagePipeline
from .trial import Trial
from .writer import SinkWriter

COPY_CHUNK = 8
"""Frames read at a time where no model sets the number."""


class StreamGraph:
    """A plan at work.

    Args:
        plan: the write node that pumps.
        loaded: what was opened and loaded for it; the graph closes the sources.
        context: what the session's parts share.
    """

    def __init__(self, plan: PlanNode, loaded: LoadedPlan, context: SessionContext) -> None:
        self.loaded = loaded
        self._context = context
        self._plan = plan
        self._outlets = {node: Fanout() for node in plan.walk()}
        self._queues: dict[str, Edge] = {}
        nodes = list(plan.walk())
        self._outputs = self._make_outputs([node for node in nodes if isinstance(node.operation, Write)])
        self._pipelines: dict[PlanNode, PipelinePart] = {}
        self._workers: list[ChunkWorker] = []
        self._mixes = plan.mixes
        self._feeds: list[FeedPart] = []
        for node in reversed(nodes):
            if isinstance(node.operation, Stylise):
                self._make_pipeline(node)
            elif isinstance(node.operation, FlowBlend):
                self._make_flow_blend(node, node.operation)
            elif isinstance(node.operation, Mix):
                self._make_mix(node, node.operation)
            elif isinstance(node.operation, Read):
                self._make_source(node, node.operation)

    @property
    def origin(self) -> PlanNode:
        """Where the stream of the pumping node begins."""
        return self._plan.origin

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
        parts: list[Part] = [*self._outputs.values(), *self._workers, *self._pipelines.values(), *self._feeds]
        moved = [part.advance() for part in parts]
        if self._mixes and self._outputs[self._plan].ended:
            self.stop()  # what is mixed in ends with what it is mixed into
        self._context.telemetry.queues({name: len(edge) for name, edge in self._queues.items()})
        self._context.telemetry.drops(self._context.preview.dropped)
        return any(moved)

    def start(self) -> None:
        """Open the targets and begin to read."""
        self._context.telemetry.begin()
        self._context.telemetry.watch(
            {node.node_id: source.status for node, source in self.loaded.sources.items()},
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
        pipelines = [part.pipeline for part in self._pipelines.values()]
        while any(part.working for part in (*pipelines, *self._workers)):
            self._context.control.wait()

    def release(self) -> None:
        """Let go of chunks and caches, once nothing works for us any more."""
        for part in self._pipelines.values():
            part.pipeline.release()
        for part in self._workers:
            part.release()

    def restyle(self, node_id: str, conditioning: AnyConditioning) -> None:
        """Give a denoising node other conditioning; any thread. Raises SettingError where it takes none."""
        next(runner for node, runner in self.loaded.runners.items() if node.node_id == node_id).restyle(
            conditioning
        )

    def joined(self, node: PlanNode, frame: int) -> None:
        """From this frame on the pictures are another source's: the first one's sound is over; any thread."""
        for target, part in self._outputs.items():
            if target.inputs[0].origin == node:
                part.sound.end(frame)

    def readers(self) -> list[SourceFeed]:
        """The decoding threads, which may outlive us while a source blocks them."""
        return [part.feed for part in self._feeds if isinstance(part.feed, SourceFeed)]

    def denoising(self, ids: Container[str]) -> list[PlanNode]:
        """The denoising nodes of these ids."""
        return [node for node in self._pipelines if node.node_id in ids]

    def latest(self, node: PlanNode) -> Frames | None:
        """The frames that went last into a denoising node; any thread."""
        return self._pipelines[node].latest

    def swap(self, node: PlanNode, loaded: LoadedPlan, at_border: Callable[[int], None]) -> None:
        """Have a denoising node go on with another runner from the next chunk's border on.

        Args:
            loaded: with the new runner, warm.
            at_border: called with the first frame that it makes.
        """
        part = self._pipelines[node]
        pipeline = self._pipeline(node, loaded)

        def adopt(frame: int) -> None:
            self.loaded = self.loaded.taking(node, loaded)
            part.inlet.capacity = max(part.inlet.capacity, self._in_work)
            others = (user for user in self._plan.walk() if not isinstance(user.operation, Stylise))
            for stream in (stream for user in others for stream in user.inputs):
                self._outlets[stream].grow(self._waiting_room)
            part.trial = self._trial(pipeline, part.inlet, self._outlets[node]) if self._tries_out else None
            for feed in self._feeds:
                feed.gate.tried_out = self._tries_out
            self._context.telemetry.read(node.node_id, loaded.runners[node].readout)
            at_border(frame)

        part.successor = Successor(pipeline, adopt)

    @property
    def _in_work(self) -> int:
        """Frames that always suffice: each model may hold chunks back, at least until one is full."""
        return sum(
            runner.requirements.largest * (1 + (runner.requirements.delay if node.parents else 0))
            for node, runner in self.loaded.runners.items()
        )

    @property
    def _waiting_room(self) -> int:
        """Frames for which a stream that needs no model waits for the ones that do."""
        prefetch = max((lanes.plan.prefetch for lanes in self.loaded.lanes.values()), default=1)
        return max(COPY_CHUNK, self._in_work * (prefetch + 3))

    def _make_outputs(self, nodes: list[PlanNode]) -> dict[PlanNode, OutputPart]:
        shown = next((node for node in reversed(nodes) if _writes(node).preview), None)
        return {node: self._make_output(node, node == shown) for node in nodes}

    def _make_output(self, node: PlanNode, shown: bool) -> OutputPart:
        write, loaded, context = _writes(node), self.loaded, self._context
        capacity = self._waiting_room
        stream, *others = node.inputs
        result = self._queues[f"{node.node_id} write"] = self._outlets[stream].add(capacity)
        compared = self._outlets[others[0]].add(capacity) if others else None
        source = loaded.sources.get(stream.origin)
        width = composite_width(write.compare, loaded.width)
        rate = loaded.rate(stream)

        def written(frames: Frames) -> None:
            if node == self._plan:
                context.telemetry.delivered(frames.captured_at)

        store = context.store
        sound = SoundVolume(node, store)
        form = StreamFormat(
            width, loaded.height, rate, None, live_values=store.resting, modulators=store.modulators
        )
        if source is not None:
            audio = source.audio and replace(source.audio, volume=sound.volume)
            form = replace(form, audio=audio, ending=source.ending)
            if shown:
                context.preview.audio = audio
        writer = SinkWriter(
            lambda: self._open_sink(node, form),
            write.compare,
            context.control,
            context.telemetry,
            written,
        )
        preview = context.preview if shown else None
        return OutputPart(writer, result, compared, preview, sound, context.on_chunk)

    def _open_sink(self, node: PlanNode, form: StreamFormat) -> FrameSink:
        spec, context = _writes(node).sink, self._context
        if not isinstance(spec, SinkSpec):
            return spec.open(form.width, form.height, form.fps, form.audio)
        if spec.keep_take:
            facts = partial(header_of, self._plan, spec, (form.width, form.height), form.fps)
            form = replace(
                form, beside=lambda path, first: TakeBeside(path, context.store.taken, facts, first)
            )
        switch = context.recorders[node.node_id]
        return RecordingSink(spec, form, switch, lambda taken: context.on_take(node.node_id, taken))

    def _make_pipeline(self, node: PlanNode) -> None:
        runner = self.loaded.runners[node]
        pipeline = self._pipeline(node, self.loaded)
        self._context.telemetry.read(node.node_id, runner.readout)
        if node.inputs:
            inlet = self._outlets[node.inputs[0]].add(self._in_work)
        else:
            inlet = Edge(1)  # frames that are only numbers cost nothing to make: one chunk at a time
            self._feeds.append(self._fed_by(node, self._counter(node, runner.requirements), Fanout(inlet)))
        self._queues[f"{node.node_id} encode"] = inlet
        trial = self._trial(pipeline, inlet, self._outlets[node]) if self._tries_out else None
        acquire = self._context.acquire
        self._pipelines[node] = PipelinePart(pipeline, inlet, self._outlets[node], acquire, trial)

    def _pipeline(self, node: PlanNode, loaded: LoadedPlan) -> StagePipeline:
        runner, lanes, context = loaded.runners[node], loaded.lanes[node], self._context
        return StagePipeline(
            runner,
            lanes,
            context.store,
            context.telemetry,
            context.control,
            prefetch=lanes.plan.prefetch,
            remedy=remedy_for(runner.requirements.largest, loaded.width, loaded.height),
        )

    def _make_flow_blend(self, node: PlanNode, blend: FlowBlend) -> None:
        inlet = self._outlets[node.inputs[0]].add(self._waiting_room)
        self._queues[f"{node.node_id} warp"] = inlet
        context = self._context
        self._workers.append(
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

    def _make_mix(self, node: PlanNode, mix: Mix) -> None:
        context, capacity = self._context, self._waiting_room
        first, *others = [(stream, self._outlets[stream].add(capacity)) for stream in node.inputs]
        self._queues[f"{node.node_id} mix"] = first[1]
        source = self.loaded.sources.get
        followers = []
        for stream, edge in others:
            live = stream.origin != node.origin and (read := source(stream.origin)) and read.info.endless
            followers.append(Follower(edge, waits=not live))
        self._workers.append(
            MixStage(
                mix,
                node.node_id,
                first[0].raw,
                first[1],
                followers,
                self._outlets[node],
                context.store,
                context.telemetry,
                context.control,
            )
        )

    def _counter(self, node: PlanNode, needs: Requirements) -> CounterFeed:
        length = self.loaded.length(node) or 0
        return CounterFeed(length, self.loaded.rate(node), needs.first, needs.chunk_frames)

    def _make_source(self, node: PlanNode, read: Read) -> None:
        loaded, context = self.loaded, self._context
        source = loaded.sources[node]
        source.start(loaded.width, loaded.height, read.resize)
        users = [
            runner.requirements
            for user, runner in loaded.runners.items()
            if any(node in stream.undrawn for stream in user.inputs)
        ]
        first = min((needs.first for needs in users), default=COPY_CHUNK)
        chunk_frames = min((needs.chunk_frames for needs in users), default=COPY_CHUNK)
        signals = context.store.signals if node == self._plan.origin else None
        control, telemetry = context.control, context.telemetry
        feed = SourceFeed(source, first, chunk_frames, control, telemetry, signals, read.frames)
        self._feeds.append(self._fed_by(node, feed, self._outlets[node]))

    @property
    def _tries_out(self) -> bool:
        """Whether a chunk can be made again: one model tells what it remembers, and holds nothing back."""
        runners = list(self.loaded.runners.values())
        blended = any(isinstance(node.operation, FlowBlend | Mix) for node in self._plan.walk())
        return (
            len(runners) == 1
            and runners[0].state is not None
            and not runners[0].requirements.delay
            and not blended
        )

    def _fed_by(self, node: PlanNode, feed: Feed, outlet: Fanout) -> FeedPart:
        cues = self._context.store.cues if node == self._plan.origin else None

        def seen(frames: Frames) -> None:
            if cues is not None:
                cues.passed(frames.index, frames.pts)

        # What is mixed in comes as it is asked for, also while the stream stands still.
        follows = self._mixes and node != self._plan.origin
        pause = Pause(self._context.control) if follows else self._context.pause
        return FeedPart(feed, outlet, Gate(pause, self._tries_out), seen)

    def _trial(self, pipeline: StagePipeline, inlet: Edge, outlet: Fanout) -> Trial:
        context = self._context
        return Trial(pipeline, inlet, outlet, context.pause, context.store, context.preview, context.acquire)


def _writes(node: PlanNode) -> Write:
    assert isinstance(node.operation, Write)
    return node.operation

"""One Run, one session: a plan from opening its sources to closing its files."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import Any, Literal

import torch

from ..errors import LiveStyleError, SessionCancelled, SettingError
from ..families import StreamRequest, make_runner
from ..families.base import LiveParameter, ModelHandle, StreamModel
from ..log import log
from ..media.live.frame_inbox import FrameInbox
from ..media.live.source_spec import LiveSpec
from ..media.recording import RecordSwitch
from ..media.sinks import SinkSpec
from ..media.types import FrameSource, SinkResult
from .control import Control
from .flow_blend import steady_parameters
from .lanes import lanes_of
from .memory import Trimmer
from .model_placement import ModelPlacement, tenancy_of
from .parameters import ParameterStore
from .plan import PlanNode, Read, Stylise, Write
from .preview import PreviewHub
from .residency import OwnResidency, Residency
from .sizing import output_size
from .stream_graph import LoadedPlan, SessionContext, StreamGraph
from .telemetry import Telemetry
from .writer import NOTHING_WRITTEN

State = Literal["loading", "warming", "running", "draining", "done", "failed", "cancelled"]
ORDER: tuple[State, ...] = ("loading", "warming", "running", "draining", "done", "failed", "cancelled")

STOP_TICK_S = 0.1
"""How often a stopping session looks whether a source is still blocked."""

REMEDIES = {"Load": "choose a smaller checkpoint, or bf16 for dtype"}
"""What to change when memory runs out before the first chunk."""

ABORT_S = 10.0
"""How long a session waits for a target that doesn't return, before it leaves it to its thread."""

Loader = Callable[[ModelHandle], StreamModel]
Listener = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Progress:
    """How far a session is.

    Attributes:
        done: frames written to the target of the pumping node.
        total: frames to come in all, or None where only the end will tell.
        fps: frames per wall second lately.
        eta: seconds to go, or None.
    """

    done: int
    total: int | None
    fps: float
    eta: float | None


class StreamSession:
    """Runs a plan on threads of its own; every method may be called from any thread.

    Args:
        plan: the write node that pumps.
        loader: gives the model behind a handle; called on the session's thread, once per handle.
        residency: the host's memory management; without it, models run on the CPU.
        preview: where frames are shown; the session makes one if there is none.
        on_closed: called on the session's thread when files are closed and threads are done,
            which after Cancel is later than the end of ``wait``.
    """

    def __init__(
        self,
        plan: PlanNode,
        loader: Loader,
        *,
        residency: Residency | None = None,
        preview: PreviewHub | None = None,
        on_closed: Callable[[StreamSession], None] | None = None,
    ) -> None:
        if not isinstance(plan.operation, Write):
            raise SettingError("Nothing is written: connect the frames to a FrameStreamIO that writes.")
        self.node_id = plan.node_id
        self.digest = plan.digest()
        self.id = uuid.uuid4().hex
        self.token = secrets.token_urlsafe()
        self.preview = preview or PreviewHub()
        self.telemetry = Telemetry()
        self.store = ParameterStore(None, self._emit)
        self.recorders = {node.node_id: RecordSwitch(spec.record) for node, spec in _files(plan)}
        self.inboxes = {node.node_id: inbox for node, inbox in _inboxes(plan)}
        self.results: dict[str, SinkResult] = {}
        self.error: LiveStyleError | None = None
        self.state: State = "loading"
        self.stage = "Waiting"
        # Let go of at the end: a plan may hold frames, and the loader models.
        self._work: tuple[PlanNode, Loader] | None = (plan, loader)
        self._residency = residency or OwnResidency(torch.device("cpu"))
        self._on_closed = on_closed
        self._control = Control()
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._finished = threading.Event()
        self._stopping = threading.Event()
        self._graph: StreamGraph | None = None
        self._live: list[LiveParameter] = []
        self._joins: list[Callable[[float | None], bool]] = []
        self._total: int | None = None
        self._doing: str = "Set-up"
        name = f"livestyle-session-{self.id[:8]}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def notes(self) -> list[str]:
        """One line for each source or target that is not as it should be."""
        return self.telemetry.notes()

    @property
    def progress(self) -> Progress:
        """How far the session is."""
        done, fps = self.telemetry.frames, self.telemetry.rate()
        total = self._total
        eta = (total - done) / fps if total is not None and fps > 0 else None
        return Progress(done, total, fps, eta)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the session has ended, after at most ``timeout`` seconds.

        After Cancel this is so at once, while workers still end; ``join`` waits for them.
        """
        return self._finished.wait(timeout)

    def stop(self) -> None:
        """End the sources: what was decoded is finished and the files are closed as usual."""
        self._stopping.set()
        self._total = None
        self._move("draining", "Finishing")
        self._control.wake()

    def cancel(self) -> None:
        """End now: nothing is computed any more, and the files are left playable within 2 s."""
        if self._conclude("cancelled", SessionCancelled("The run was cancelled.")):
            self._control.halt()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until files are closed and threads have ended; False if some have not in time."""
        if self._thread.ident is None:
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        self._thread.join(timeout)
        if self._thread.is_alive():
            return False
        return all(wait_for(_left(deadline)) for wait_for in self._joins)

    def take_result(self, node_id: str) -> SinkResult:
        """What a write node left behind; the pictures in all results are given away, once."""
        result = self.results[node_id]
        self.results = _without_pictures(self.results)
        return result

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of receipts and of state changes (``{"type": "state", "state", "stage"}``).

        Args:
            listener: called from any thread with a JSON-able mapping; must not block.

        Returns:
            A function that ends the listening.
        """
        with self._lock:
            self._listeners.append(listener)

        def leave() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return leave

    def _run(self) -> None:
        try:
            # Weights and buffers are made outside inference mode; only lanes run in it.
            with torch.no_grad():
                self._play()
        except SessionCancelled:
            self._control.halt()
        except BaseException as error:  # ends the session, on its own thread
            self._control.fail(self._doing, error, REMEDIES.get(self._doing, ""))
        try:
            self._close()
        except Exception:
            log.exception("A session could not be closed in order")
        failure = self._control.failure
        self._conclude("failed" if failure else "done", failure)
        if self._on_closed is not None:
            try:
                self._on_closed(self)
            except Exception:
                log.exception("The end of a session could not be announced")

    def _play(self) -> None:
        assert self._work is not None
        plan, loader = self._work
        with contextlib.ExitStack() as opened:
            loaded, tenancy = self._gather(plan, loader, opened)
            specs = [spec for runner in loaded.runners.values() for spec in runner.live_parameters]
            self._live = [*specs, *steady_parameters(plan)]
            self.store.declare(self._live)
            self._total = loaded.length(plan)
            context = SessionContext(
                self._control,
                self.telemetry,
                self.store,
                self.preview,
                partial(tenancy.acquire, self._residency, self._control),
                lanes_of(self._residency.device),
                self.recorders,
                self._on_take,
                self._on_first_chunk,
            )
            graph = StreamGraph(plan, loaded, context)
            if self._stopping.is_set():
                return
            self._control.check()
            self._graph = graph
            self._joins = [reader.join for reader in graph.readers()]
            graph.start()
            # From here on the reading threads close the sources.
            opened.pop_all()
        self._doing = "Compare"
        self._pump(graph)

    def _pump(self, graph: StreamGraph) -> None:
        told, trimmer = False, Trimmer()
        while not graph.finished and not self._control.halted:
            if self._stopping.is_set() and not told:
                told = True
                graph.stop()
            trimmer.tick()
            moved = graph.advance()
            if graph.ending:
                self._move("draining", "Finishing the file")
            if not moved:
                self._control.wait(STOP_TICK_S if told else None)

    def _gather(
        self, plan: PlanNode, loader: Loader, opened: contextlib.ExitStack
    ) -> tuple[LoadedPlan, ModelPlacement]:
        """Open all sources, load all models, agree on a size, place the models, make the runners."""
        nodes = list(plan.walk())
        _check_comparisons(nodes)
        sources: dict[PlanNode, FrameSource] = {}
        for node in nodes:
            if isinstance(node.operation, Read):
                self._enter("loading", "Read", f"Opening {node.operation.source.label}")
                sources[node] = node.operation.source.open()
                opened.callback(sources[node].close)
                sources[node].connect(lambda: self._stopping.is_set() or self._control.halted)
        stylise = {node: node.operation for node in nodes if isinstance(node.operation, Stylise)}
        models = self._load(stylise, loader)
        self._enter("warming", "Set-up", "Warming up")
        needs = {node: models[node].requirements(stylise[node].settings) for node in stylise}
        for node in stylise:
            if needs[node].needs_source and not node.parents:
                raise SettingError(f"this model needs frames: connect some to StreamDenoise {node.node_id}.")
        origin = sources.get(plan.origin)
        width, height = output_size(needs, origin.info if origin else None)
        tenancy = tenancy_of(models, needs, width, height)
        # before any runner: one makes its buffers at once, where the weights are then
        tenancy.acquire(self._residency, self._control)
        self._control.check()
        runners = {
            node: make_runner(
                models[node].patched(operation.model.patches).with_lora(operation.model.lora_strength),
                StreamRequest(
                    replace(operation.settings, live=origin is not None and origin.info.endless),
                    operation.conditioning,
                    node_id=node.node_id,
                    model_node_id=operation.model.node_id,
                    width=width,
                    height=height,
                ),
            )
            for node, operation in stylise.items()
        }
        return LoadedPlan(sources, models, runners, width, height), tenancy

    def _load(self, stylise: Mapping[PlanNode, Stylise], loader: Loader) -> dict[PlanNode, StreamModel]:
        """The model of each denoising node; equal handles share one."""
        models: dict[ModelHandle, StreamModel] = {}
        for operation in stylise.values():
            if operation.model not in models:
                self._enter("loading", "Load", f"Loading {PurePath(operation.model.checkpoint).name}")
                models[operation.model] = loader(operation.model)
        return {node: models[operation.model] for node, operation in stylise.items()}

    def _close(self) -> None:
        """Close files, wait for the lanes, let go of everything heavy."""
        assert self._work is not None
        self._control.halt()
        writes = [node.node_id for node in self._work[0].walk() if isinstance(node.operation, Write)]
        self._work = None
        graph, self._graph = self._graph, None
        results = dict.fromkeys(writes, NOTHING_WRITTEN)
        try:
            if graph is not None:
                graph.abort(ABORT_S)
                results |= graph.results
                graph.release()
            self._forget()
        finally:
            # Nobody takes the pictures of a run that failed or was cancelled.
            lost = self._finished.is_set() or self._control.failure is not None
            self.results = _without_pictures(results) if lost else results
            graph = None  # else its caches would outlast their release
            self._residency.released()

    def _forget(self) -> None:
        """Drop what refers to runners and models, for ended sessions are remembered."""
        self.telemetry.unwatch()
        if self._live:
            self.store.declare([replace(spec, check=None) for spec in self._live])
            self._live = []

    def _on_take(self, node_id: str, taken: SinkResult) -> None:
        self._emit({"type": "take", "node": node_id, "path": taken.path, "frames": taken.frames})

    def _on_first_chunk(self) -> None:
        self._move("running", "Playing")

    def _enter(self, state: State, doing: str, stage: str) -> None:
        """The next step of the preparation begins."""
        self._control.check()
        self._doing = doing
        self._move(state, stage)

    def _move(self, state: State, stage: str) -> None:
        """Go forward to a state; nothing happens where that would be backward."""
        with self._lock:
            backward = self._finished.is_set() or ORDER.index(state) < ORDER.index(self.state)
            if backward or (state, stage) == (self.state, self.stage):
                return
            self.state, self.stage = state, stage
        self._emit({"type": "state", "state": state, "stage": stage})

    def _conclude(self, state: State, error: LiveStyleError | None) -> bool:
        """Reach a final state; False where the session had reached one already."""
        stage = str(error) if error else "Done"
        with self._lock:
            if self._finished.is_set():
                return False
            self.state, self.stage, self.error = state, stage, error
            self._finished.set()
        # Outside the lock: a listener may ask the store, which holds its own while it tells us.
        self._emit({"type": "state", "state": state, "stage": stage})
        return True

    def _emit(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("A listener failed")


def _files(plan: PlanNode) -> list[tuple[PlanNode, SinkSpec]]:
    """The write nodes whose target is a file."""
    writes = [(node, node.operation.sink) for node in plan.walk() if isinstance(node.operation, Write)]
    return [(node, sink) for node, sink in writes if isinstance(sink, SinkSpec)]


def _inboxes(plan: PlanNode) -> list[tuple[PlanNode, FrameInbox]]:
    """The read nodes that a page pushes pictures into."""
    reads = [(node, node.operation.source) for node in plan.walk() if isinstance(node.operation, Read)]
    return [(node, spec.inbox) for node, spec in reads if isinstance(spec, LiveSpec) and spec.inbox]


def _check_comparisons(nodes: Sequence[PlanNode]) -> None:
    for node in nodes:
        write = node.operation
        alone = isinstance(write, Write) and write.compare != "off" and len(node.inputs) == 1
        if alone and not isinstance(node.origin.operation, Read):
            raise SettingError(
                f"compare on FrameStreamIO {node.node_id} has no source to show: connect a second stream."
            )


def _without_pictures(results: Mapping[str, SinkResult]) -> dict[str, SinkResult]:
    return {node_id: replace(result, tail=None) for node_id, result in results.items()}


def _left(deadline: float | None) -> float | None:
    """Seconds until a deadline, not below 0."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())

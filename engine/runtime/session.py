"""One Run, one session: a plan from opening its sources to closing its files."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import torch

from ..conditioning.timeline import AnyConditioning
from ..errors import LiveStyleError, SessionCancelled, SettingError
from ..families.base import LiveParameter
from ..log import log
from ..media.live.frame_inbox import FrameInbox
from ..media.live.source_spec import LiveSpec
from ..media.recording import RecordSwitch
from ..media.sinks import SinkSpec
from ..media.types import FrameSource, SinkResult
from ..takes.take import Take
from .control import Control
from .flow_blend import flow_blend_parameters
from .joining import Joining
from .lifecycle import Lifecycle, Listener, State
from .live_values import Receipt
from .loaded_plan import LoadedPlan, Loader, PlanLoader
from .memory import Trimmer, malloc_trim
from .mix_stage import mix_parameters
from .parameters import ParameterStore
from .pause import Pause
from .plan import PlanNode, Read, Stylise, Write
from .preview import PreviewHub
from .residency import OwnResidency, Residency
from .session_context import SessionContext
from .sound_volume import volume_parameters
from .stream_graph import StreamGraph
from .swap import Swap
from .telemetry import Telemetry
from .writer import NOTHING_WRITTEN

STOP_TICK_S = 0.1
"""How often a stopping session looks whether a source is still blocked."""

REMEDIES = {"Load": "choose a smaller checkpoint, or bf16 for dtype"}
"""What to change when memory runs out before the first chunk."""

ABORT_S = 10.0
"""How long a session waits for a target that doesn't return, before it leaves it to its thread."""


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
        take: played back: its values move as they did when it was recorded.
        graph: whose graph the plan is of, and which: nodes of two may have the same id.
        background: plays on when its prompt has ended.
        on_closed: called on the session's thread when files are closed and threads are done,
            which after Cancel is later than the end of ``wait``.

    Attributes:
        since: when it was opened, in seconds since 1970.
        memory: bytes that its models and streams take; 0 until they are loaded.
    """

    def __init__(
        self,
        plan: PlanNode,
        loader: Loader,
        *,
        residency: Residency | None = None,
        preview: PreviewHub | None = None,
        take: Take | None = None,
        graph: str = "",
        background: bool = False,
        on_closed: Callable[[StreamSession], None] | None = None,
    ) -> None:
        if not isinstance(plan.operation, Write):
            raise SettingError("Nothing is written: connect the frames to a FrameStreamIO that writes.")
        self.node_id = plan.node_id
        self.graph, self.background = graph, background
        self.since, self.memory = time.time(), 0
        self.id = uuid.uuid4().hex
        self.token = secrets.token_urlsafe()
        self.preview = preview or PreviewHub()
        self.telemetry = Telemetry()
        self._lifecycle = Lifecycle()
        self._control = Control()
        self._pause = Pause(self._control)
        on_receipt = partial(_tell_of, self._lifecycle, self._pause)
        self.store = ParameterStore(None, on_receipt, take.lanes if take else None)
        self.recorders = {node.node_id: RecordSwitch(spec.record) for node, spec in _files(plan)}
        self.inboxes = {node.node_id: inbox for node, inbox in _inboxes(plan)}
        self.results: dict[str, SinkResult] = {}
        # Let go of at the end: a plan may hold frames, and the loader models.
        self._work: tuple[PlanNode, Loader] | None = (plan, loader)
        self._residency = residency or OwnResidency(torch.device("cpu"))
        self._on_closed = on_closed
        self._stopping = threading.Event()
        self._graph: StreamGraph | None = None
        self._swap: Swap | None = None
        self._live: list[LiveParameter] = []
        self._joins: list[Callable[[float | None], bool]] = []
        self._total: int | None = None
        self._doing: str = "Set-up"
        name = f"livestyle-session-{self.id[:8]}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def state(self) -> State:
        """What the session is doing."""
        return self._lifecycle.state

    @property
    def stage(self) -> str:
        """The same as a line for the artist."""
        return self._lifecycle.stage

    @property
    def error(self) -> LiveStyleError | None:
        """Why the session ended, where that was not at the end of its stream."""
        return self._lifecycle.error

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

    @property
    def paused(self) -> bool:
        """Whether the stream stands still."""
        return self._pause.on

    def pause(self, on: bool = True) -> None:
        """Stand still, or go on. What is in work is finished first; nothing is written meanwhile.

        Where one model makes the pictures, the next ones are shown, and again with every change of a live
        value; going on, and ``step``, keep them as they are then.
        """
        if not self._stopping.is_set():
            self._pause.set(on)
            self._tell()

    def step(self) -> None:
        """Stand still, or go on by one chunk where the stream does already."""
        if not self._stopping.is_set():
            self._pause.step()
            self._tell()

    @property
    def stopping(self) -> bool:
        """Whether its sources were ended by hand."""
        return self._stopping.is_set()

    def restyle(self, node_id: str, conditioning: AnyConditioning) -> None:
        """Play on with other conditioning from the next chunk on; see ``Runner.restyle``.

        Raises:
            SettingError: the model can't take it, or nothing plays.
        """
        graph = self._graph
        if graph is None:
            raise SettingError("it doesn't play")
        graph.restyle(node_id, conditioning)
        self.store.touch()
        self._pause.changed()

    def swap(
        self,
        operations: Mapping[str, Stylise],
        residency: Residency,
        at_border: Callable[[PlanNode, int], None],
    ) -> Swap:
        """Build other models for denoising nodes, and go over to them at a chunk's border; returns at once.

        Args:
            operations: what the nodes are to do, by node id; their size and rate stay.
            residency: takes the models of the plan as it will be; given back where nothing is swapped.
            at_border: called on the session's thread for each node, with the first frame that its new model
                makes; live values that are set there act on it.

        Raises:
            SettingError: nothing plays, or another swap is on its way.
        """
        graph, load = self._playing()
        if self._swap is not None and not self._swap.wait(0):
            raise SettingError("another model is being loaded")

        def on_border(node: PlanNode, frame: int, last: bool) -> None:
            if last:
                self._residency, swap.residency = residency, self._residency
            self._declare(graph.loaded)
            at_border(node, frame)

        swap = self._swap = Swap(graph, operations, load, residency, on_border, self._control.wake)
        swap.start()
        return swap

    def join_sources(self, reads: Mapping[str, Read], at_border: Callable[[PlanNode, int], None]) -> Joining:
        """Other sources for reading nodes, to be opened by the caller; see ``Joining``.

        Args:
            reads: what the nodes are to do, by node id; size and rate of the stream stay.
            at_border: called on a reading thread with the number of the first frame of a new source.

        Raises:
            SettingError: nothing plays.
        """
        graph, _ = self._playing()

        def on_join(node: PlanNode, frame: int, moment: Fraction, source: FrameSource) -> None:
            graph.joined(node, frame)
            if node == graph.origin:
                self.store.signals.follow(source.audio, moment)
                self._total = source.info.frames and frame + source.info.frames
            at_border(node, frame)

        return Joining(graph, reads, on_join)

    def _playing(self) -> tuple[StreamGraph, Loader]:
        graph, work = self._graph, self._work
        if graph is None or work is None or self.stopping:
            raise SettingError("it doesn't play")
        if self.paused:
            raise SettingError("it stands still: press Go on first")
        return graph, work[1]

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the session has ended, after at most ``timeout`` seconds.

        After Cancel this is so at once, while workers still end; ``join`` waits for them.
        """
        return self._lifecycle.wait(timeout)

    def stop(self) -> None:
        """End the sources: what was decoded is finished and the files are closed as usual."""
        self._stopping.set()
        self._pause.set(False)
        self._total = None
        self._lifecycle.move("draining", "Finishing")
        self._control.wake()

    def cancel(self) -> None:
        """End now: nothing is computed any more, and the files are left playable within 2 s."""
        if self._lifecycle.conclude("cancelled", SessionCancelled("The run was cancelled.")):
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
        """Have a function called with receipts and state changes (``{"type": "state", "state", "stage"}``).

        Args:
            listener: called from any thread with a JSON-able mapping; must not block.

        Returns:
            A function that ends the listening.
        """
        return self._lifecycle.listen(listener)

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
        self._lifecycle.conclude("failed" if failure else "done", failure)
        if self._on_closed is not None:
            try:
                self._on_closed(self)
            except Exception:
                log.exception("The end of a session could not be announced")

    def _play(self) -> None:
        graph = self._begin()
        if graph is not None:
            self._doing = "Compare"
            self._pump(graph)

    def _begin(self) -> StreamGraph | None:
        """What plays; the only one to have its models, which may be swapped. None where it was stopped."""
        assert self._work is not None
        plan, load_model = self._work
        loader = PlanLoader(load_model, self._residency, self._control, self._given_up, self._on_step)
        with contextlib.ExitStack() as opened:
            loaded = loader.load(plan, opened)
            source = loaded.sources.get(plan.origin)
            self.store.signals.attach(source.audio if source else None, source is not None)
            self._declare(loaded)
            self._total = loaded.length(plan)
            context = SessionContext(
                self._control,
                self.telemetry,
                self.store,
                self.preview,
                self._acquire,
                self.recorders,
                self._on_take,
                self._on_chunk,
                self._pause,
            )
            graph = StreamGraph(plan, loaded, context)
            if self._stopping.is_set():
                return None
            self._control.check()
            self._graph = graph
            self._joins = [reader.join for reader in graph.readers()]
            graph.start()
            # From here on the reading threads close the sources.
            opened.pop_all()
            return graph

    def _pump(self, graph: StreamGraph) -> None:
        stopped, trimmer = False, Trimmer(malloc_trim())
        while not graph.finished and not self._control.halted:
            if self._stopping.is_set() and not stopped:
                stopped = True
                graph.stop()
            trimmer.tick()
            if self._swap is not None:
                self._swap.advance()
            moved = graph.advance()
            if graph.ending:
                self._lifecycle.move("draining", "Finishing the file")
            if not moved:
                self._control.wait(STOP_TICK_S if stopped else None)

    def _acquire(self) -> None:
        assert self._graph is not None
        loaded = self._graph.loaded
        loaded.placement.acquire(self._residency, self._control)
        for each in loaded.lanes.values():
            each.follow_caller()  # also what runners have put on the device

    def _declare(self, loaded: LoadedPlan) -> None:
        """Say which live values there are now."""
        assert self._work is not None
        specs = [spec for runner in loaded.runners.values() for spec in runner.live_parameters]
        plan = self._work[0]
        own = [*flow_blend_parameters(plan), *mix_parameters(plan), *volume_parameters(plan)]
        self._live = [*specs, *own]
        self.store.declare(self._live)
        self.memory = loaded.placement.size

    def _close(self) -> None:
        """Close files, wait for the lanes, let go of everything heavy."""
        assert self._work is not None
        self._control.halt()
        writes = [node.node_id for node in self._work[0].walk() if isinstance(node.operation, Write)]
        self._work = None
        graph, self._graph = self._graph, None
        swap, self._swap = self._swap, None
        if swap is not None:
            swap.end()
        results = dict.fromkeys(writes, NOTHING_WRITTEN)
        try:
            if graph is not None:
                graph.abort(ABORT_S)
                results |= graph.results
                graph.release()
            self._forget()
        finally:
            # Nobody takes the pictures of a run that failed, was cancelled, or outlived its prompt.
            lost = self.background or self.wait(0) or self._control.failure is not None
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
        self._lifecycle.emit({"type": "take", "node": node_id, "path": taken.path, "frames": taken.frames})

    def _tell(self) -> None:
        if self.state == "running":
            self._on_chunk()

    def _on_chunk(self) -> None:
        self._lifecycle.move("running", "Paused" if self._pause.on else "Playing")

    def _on_step(self, state: State, doing: str, line: str) -> None:
        self._doing = doing
        self._lifecycle.move(state, line)

    def _given_up(self) -> bool:
        return self._stopping.is_set() or self._control.halted


def _tell_of(lifecycle: Lifecycle, pause: Pause, receipt: Receipt) -> None:
    lifecycle.emit(receipt)
    pause.changed()


def _files(plan: PlanNode) -> list[tuple[PlanNode, SinkSpec]]:
    """The write nodes whose target is a file."""
    writes = [(node, node.operation.sink) for node in plan.walk() if isinstance(node.operation, Write)]
    return [(node, sink) for node, sink in writes if isinstance(sink, SinkSpec)]


def _inboxes(plan: PlanNode) -> list[tuple[PlanNode, FrameInbox]]:
    """The read nodes that a page pushes pictures into."""
    reads = [(node, node.operation.source) for node in plan.walk() if isinstance(node.operation, Read)]
    return [(node, spec.inbox) for node, spec in reads if isinstance(spec, LiveSpec) and spec.inbox]


def _without_pictures(results: Mapping[str, SinkResult]) -> dict[str, SinkResult]:
    return {node_id: replace(result, tail=None) for node_id, result in results.items()}


def _left(deadline: float | None) -> float | None:
    """Seconds until a deadline, not below 0."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())

"""Other models for a stream that plays: built and warmed beside the old ones, swapped in at a border."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePath

import torch

from ..conditioning.timeline import StyleTimeline
from ..errors import LiveStyleError, SettingError
from ..families.base import StreamModel
from .failures import is_out_of_memory, stage_error
from .lanes import lanes_of
from .loaded_plan import LoadedPlan, Loader, runner_of
from .model_placement import placement_of
from .plan import PlanNode, Stylise, stylised
from .residency import Residency
from .stream_graph import StreamGraph
from .warm_up import warm_up

OnBorder = Callable[[PlanNode, int, bool], None]
"""Called with a denoising node, the first frame that its new model makes, and whether it is the last one."""


class Swap:
    """Builds on a thread of its own, and hands over on the session's.

    Args:
        graph: that plays.
        operations: what denoising nodes are to do from now on, by node id.
        load_model: gives the model behind a handle.
        residency: takes the models of the whole plan as it will be; of this swap alone.
        on_border: called on the session's thread.
        wake: has the session's thread call ``advance``.

    Attributes:
        error: why nothing was swapped, once ``wait`` says so.
    """

    def __init__(
        self,
        graph: StreamGraph,
        operations: Mapping[str, Stylise],
        load_model: Loader,
        residency: Residency,
        on_border: OnBorder,
        wake: Callable[[], None],
    ) -> None:
        self.residency = residency
        self.error: LiveStyleError | None = None
        self._graph: StreamGraph | None = graph
        self._operations = {node: operations[node.node_id] for node in graph.denoising(operations)}
        self._load = load_model
        self._on_border = on_border
        self._wake = wake
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._built: LoadedPlan | None = None
        self._handed = False
        self._crossed: set[PlanNode] = set()
        self._thread = threading.Thread(target=self._run, name="livestyle-swap", daemon=True)

    def start(self) -> None:
        """Begin to build; returns at once."""
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is over, after at most so many seconds: all are swapped, or ``error`` says why not."""
        return self._over.wait(timeout)

    def give_up(self, error: LiveStyleError) -> bool:
        """Leave everything as it is; any thread. False once the stream has begun to go over."""
        with self._lock:
            if self._handed or self._over.is_set():
                return False
            self._fail(error)
        return True

    def end(self) -> None:
        """The stream is over; on its thread."""
        with self._lock:
            if not self._over.is_set():
                self._fail(SettingError("it has ended meanwhile"))

    def advance(self) -> None:
        """Hand over what is built; on the session's thread."""
        with self._lock:
            built, graph = self._built, self._graph
            if built is None or graph is None or self._handed:
                return
            self._handed = True
        for node in self._operations:
            graph.swap(node, built, lambda frame, node=node: self._cross(node, frame))

    def _cross(self, node: PlanNode, frame: int) -> None:
        self._crossed.add(node)
        last = len(self._crossed) == len(self._operations)
        if last and self._graph is not None and self._built is not None:
            self._graph.loaded = self._built
        self._on_border(node, frame, last)
        if last:
            self._graph = self._built = None
            self._over.set()

    def _fail(self, error: LiveStyleError) -> None:
        self.error, self._graph, self._built = error, None, None
        self._over.set()

    def _run(self) -> None:
        try:
            with torch.no_grad():  # as a session does: only lanes run in inference mode
                built = self._build()
        except BaseException as error:  # told to whoever waits
            self.give_up(_one_line(error))
        else:
            with self._lock:
                self._built = None if self._over.is_set() else built
            del built
            self._wake()
        self._over.wait()
        self.residency.released()  # that of the old models, where the stream has gone over

    def _build(self) -> LoadedPlan:
        graph = self._graph
        if graph is None:
            raise SettingError("it was given up")
        playing = graph.loaded
        models = dict(playing.models)
        for node, operation in self._operations.items():
            models[node] = self._load(operation.model)
            _check(node, operation, models[node], playing)
        settings = {node: self._operations.get(node, stylised(node)).settings for node in models}
        needs = {node: model.requirements(settings[node]) for node, model in models.items()}
        usual = self.residency.device
        if self._over.is_set():
            raise SettingError("it was given up")
        placement = placement_of(models, needs, playing.width, playing.height, usual)
        self.residency.acquire(placement.models, placement.memory)
        runners, lanes = dict(playing.runners), dict(playing.lanes)
        for node, operation in self._operations.items():
            source = playing.sources.get(node.origin)
            live = source is not None and source.info.endless
            size = playing.width, playing.height
            runners[node] = runner_of(models[node], operation, node.node_id, live, *size)
            devices = tuple(models[node].modules_on(usual))
            lanes[node] = lanes_of(*devices)
            frames = graph.latest(node)
            if frames is not None:
                # Weights that play are used by one thread at a time.
                shared = any(models[node] is model for model in playing.models.values()) or _hosted(operation)
                warm_up(runners[node], lanes[node] if shared else None, devices, frames)
        return replace(playing, models=models, runners=runners, lanes=lanes, placement=placement)


def _one_line(error: BaseException) -> LiveStyleError:
    if isinstance(error, LiveStyleError) and not is_out_of_memory(error):
        error.__traceback__ = None  # its frames hold what was loaded
        return error
    return stage_error("Load", error, "choose a smaller checkpoint, or Stop and Run")


def _check(node: PlanNode, operation: Stylise, model: StreamModel, playing: LoadedPlan) -> None:
    """Raise SettingError for a model that can't play at the size and rate that a stream has."""
    name, needs = PurePath(operation.model.checkpoint).name, model.requirements(operation.settings)
    if needs.needs_source and not node.parents:
        raise SettingError(f"{name} needs frames, and this stream has no source")
    if playing.width % needs.multiple or playing.height % needs.multiple:
        raise SettingError(
            f"{name} needs width and height in multiples of {needs.multiple}, and it plays at "
            f"{playing.width}x{playing.height}"
        )
    if not node.parents and not operation.settings.fps and model.fps != playing.models[node].fps:
        raise SettingError(
            f"{name} makes {model.fps:g} frames a second, and it plays at {playing.rate(node)}"
        )


def _hosted(operation: Stylise) -> bool:
    """Whether it uses a text encoder of the host's."""
    styles = StyleTimeline.of(operation.conditioning).styles
    return operation.model.host_text is not None or any(style.clip is not None for style in styles)

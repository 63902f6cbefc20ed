"""From a plan to what plays it: opened sources, loaded and placed models, runners of one size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePath

from ..cluster.remote_model import RemoteModel
from ..cluster.remote_runner import RemoteRunner
from ..errors import SessionCancelled, SettingError
from ..families import StreamRequest, make_runner
from ..families.base import ModelHandle, Runner, StreamModel
from ..media.playing_source import PlayingSource
from .control import Control
from .lanes import Lanes, lanes_of
from .lifecycle import State
from .model_placement import ModelPlacement, placement_of
from .plan import PlanNode, Read, Stylise, Write, read_of, stylised
from .residency import Residency
from .sizing import output_size

Loader = Callable[[ModelHandle], StreamModel]

OnStep = Callable[[State, str, str], None]
"""Called with a step of the preparation: state, the stage to report a failure under, a line to show."""


@dataclass(frozen=True)
class LoadedPlan:
    """What was opened and loaded for a plan.

    Attributes:
        sources: of each read node, not started yet.
        models, runners: of each denoising node.
        lanes: of the devices that a node's model is on.
        placement: brings all models to their devices.
        width, height: the size that all of them work at, in pixels.
    """

    sources: Mapping[PlanNode, PlayingSource]
    models: Mapping[PlanNode, StreamModel]
    runners: Mapping[PlanNode, Runner]
    lanes: Mapping[PlanNode, Lanes]
    placement: ModelPlacement
    width: int
    height: int

    def taking(self, node: PlanNode, other: LoadedPlan) -> LoadedPlan:
        """The same with another's model for a denoising node."""
        return replace(
            self,
            models={**self.models, node: other.models[node]},
            runners={**self.runners, node: other.runners[node]},
            lanes={**self.lanes, node: other.lanes[node]},
        )

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
            frames, limit = self.sources[origin].info.frames, read_of(origin).frames
            return min(frames or limit, limit) if limit else frames
        return stylised(origin).settings.length or None


@dataclass(frozen=True)
class PlanLoader:
    """Opens, loads and places what a plan needs.

    Attributes:
        load_model: gives the model behind a handle; called once per handle.
        residency: the host's memory management.
        control: ends the preparation once halted.
        given_up: whether to stop waiting for a source that has no picture yet.
        on_step: called before each step.
    """

    load_model: Loader
    residency: Residency
    control: Control
    given_up: Callable[[], bool]
    on_step: OnStep

    def load(self, plan: PlanNode, opened: ExitStack) -> LoadedPlan:
        """Everything for ``plan``.

        Args:
            plan: the write node that pumps.
            opened: closes the sources, unless the caller takes that over.

        Raises:
            SessionCancelled: ``control`` was halted.
            LiveStyleError: a source or a checkpoint can't be used, or a setting doesn't fit.
        """
        nodes = list(plan.walk())
        _check_comparisons(nodes)
        sources = self._open_sources(nodes, opened)
        stylise = {node: node.operation for node in nodes if isinstance(node.operation, Stylise)}
        models = self._load_models(stylise)
        self._step("warming", "Set-up", "Warming up")
        needs = {node: models[node].requirements(stylise[node].settings) for node in stylise}
        for node in stylise:
            if needs[node].needs_source and not node.parents:
                raise SettingError(f"this model needs frames: connect some to StreamDenoise {node.node_id}.")
        origin = sources.get(plan.origin)
        width, height = output_size(needs, origin.info if origin else None)
        placement = placement_of(models, needs, width, height, self.residency.device)
        # Before any runner: one makes its buffers at once, where the weights are then.
        placement.acquire(self.residency, self.control)
        self.control.check()
        live = origin is not None and origin.info.endless
        runners = {
            node: runner_of(models[node], operation, node.node_id, live, width, height)
            for node, operation in stylise.items()
        }
        usual = self.residency.device
        lanes = {
            node: runner.lanes
            if isinstance(runner, RemoteRunner)
            else lanes_of(*models[node].modules_on(usual))
            for node, runner in runners.items()
        }
        return LoadedPlan(sources, models, runners, lanes, placement, width, height)

    def _open_sources(self, nodes: Sequence[PlanNode], opened: ExitStack) -> dict[PlanNode, PlayingSource]:
        sources: dict[PlanNode, PlayingSource] = {}
        for node in nodes:
            if isinstance(node.operation, Read):
                self._step("loading", "Read", f"Opening {node.operation.source.label}")
                source = node.operation.source.open()
                opened.callback(source.close)
                source.connect(self.given_up)
                sources[node] = PlayingSource(source)
        return sources

    def _load_models(self, stylise: Mapping[PlanNode, Stylise]) -> dict[PlanNode, StreamModel]:
        """The model of each denoising node; equal handles share one."""
        models: dict[ModelHandle, StreamModel] = {}
        for operation in stylise.values():
            if operation.model not in models:
                models[operation.model] = self._load(operation.model)
        return {node: models[operation.model] for node, operation in stylise.items()}

    def _load(self, handle: ModelHandle) -> StreamModel:
        self._step("loading", "Load", f"Loading {PurePath(handle.checkpoint).name}")
        if handle.run_on:
            if handle.device or handle.text_encoder_device or handle.autoencoder_device:
                raise SettingError("device is of this machine: set run_on to here, or all devices to auto.")
            return RemoteModel(handle, self._wait_for_worker, self.control.check)
        return self.load_model(handle)

    def _wait_for_worker(self, line: str) -> None:
        """Show why a worker of the cluster is waited for; raises SessionCancelled once nobody waits."""
        if self.given_up():
            raise SessionCancelled("The run was cancelled.")
        if line:
            self._step("loading", "Load", line)

    def _step(self, state: State, stage: str, line: str) -> None:
        self.control.check()
        self.on_step(state, stage, line)


def runner_of(
    model: StreamModel, operation: Stylise, node_id: str, live: bool, width: int, height: int
) -> Runner:
    """What plays a denoising node; ``live`` where the source can't wait. Raises SettingError."""
    request = StreamRequest(
        replace(operation.settings, live=live),
        operation.conditioning,
        node_id=node_id,
        model_node_id=operation.model.node_id,
        width=width,
        height=height,
    )
    model = model.patched(operation.model.patches).with_lora(operation.model.lora_strength)
    return make_runner(model, request)


def _check_comparisons(nodes: Sequence[PlanNode]) -> None:
    for node in nodes:
        write = node.operation
        alone = isinstance(write, Write) and write.compare != "off" and len(node.inputs) == 1
        if alone and not isinstance(node.origin.operation, Read):
            raise SettingError(
                f"compare on FrameStreamIO {node.node_id} has no source to show: connect a second stream."
            )

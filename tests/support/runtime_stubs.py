"""A source, a sink and a family small enough to see through, for tests of the runtime."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.families import Family, StreamRequest, register
from livestyle.engine.families.base import (
    Chunk,
    DenoiseSettings,
    LiveParameter,
    ModelHandle,
    Requirements,
    Runner,
    StreamModel,
)
from livestyle.engine.media.sinks import SinkSpec
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import (
    AudioTrack,
    Frames,
    FrameSink,
    FrameSource,
    MediaInfo,
    Resize,
    SinkResult,
)
from livestyle.engine.runtime.plan import CompareMode, PlanNode, Read, Stylise, Write

FPS = Fraction(24)


def picture(index: int, height: int, width: int) -> np.ndarray:
    """The stub source's frame: every pixel tells the index."""
    return np.full((height, width, 3), (index % 251, index // 251, 7), np.uint8)


class CountingSource(FrameSource):
    """``length`` numbered frames; may wait before each, block at one, or fail at one.

    Attributes:
        given: frames that were decoded.
    """

    def __init__(self, spec: CountingSpec) -> None:
        width, height = spec.size
        known = None if spec.unknown_length else spec.length
        self.info = MediaInfo(width, height, FPS, frames=known)
        self.audio = None
        self.spec = spec
        self.asked: list[int] = []
        self.closed = threading.Event()
        self.given = 0
        self._stopped = threading.Event()

    def start(self, width: int, height: int, resize: Resize) -> None:
        self.size = (height, width)

    def read(self, count: int) -> Frames | None:
        self.asked.append(count)
        start = self.given
        while self.given < start + count and not self._stopped.is_set():
            if self.given == self.spec.block_at:
                self.spec.unblock.wait()
            if self.given == self.spec.fail_at:
                raise OSError("the camera was unplugged")
            if self.given == self.spec.length:
                break
            if self.spec.delay:
                time.sleep(self.spec.delay)
            self.given += 1
        numbers = range(start, self.given)
        if not numbers:
            return None
        pixels = np.stack([picture(number, *self.size) for number in numbers])
        return Frames(pixels, start, tuple(Fraction(number) / FPS for number in numbers))

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.closed.set()


@dataclass(frozen=True)
class CountingSpec(SourceSpec):
    """Opens CountingSources and remembers them.

    Attributes:
        length, size: frames, and width and height of each.
        delay: seconds before each frame.
        block_at: wait for ``unblock`` before this frame.
        fail_at: raise instead of giving this frame.
        unknown_length: don't say how many frames will come.
    """

    length: int = 10
    size: tuple[int, int] = (8, 6)
    delay: float = 0.0
    block_at: int = -1
    fail_at: int = -1
    unknown_length: bool = False
    unblock: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)
    opened: list[CountingSource] = field(default_factory=list, compare=False, repr=False)

    def open(self) -> FrameSource:
        source = CountingSource(self)
        self.opened.append(source)
        return source


class MemorySink(FrameSink):
    """Keeps what is written."""

    def __init__(self, spec: MemorySpec) -> None:
        self.spec = spec
        self.blocks: list[Frames] = []
        self.taken = 0
        self.ended = ""

    @property
    def pixels(self) -> np.ndarray:
        return np.concatenate([block.pixels for block in self.blocks])

    @property
    def pts(self) -> list[Fraction]:
        return [moment for block in self.blocks for moment in block.pts]

    @property
    def frames(self) -> int:
        return self.taken

    def write(self, frames: Frames) -> None:
        if self.spec.delay:
            time.sleep(self.spec.delay)
        if self.frames >= self.spec.full_at:
            raise OSError(28, "No space left on device")
        self.taken += len(frames)
        if not self.spec.forget:
            self.blocks.append(frames)

    def close(self) -> SinkResult:
        self.ended = "closed"
        return SinkResult(None, self.frames)

    def abort(self) -> SinkResult:
        self.ended = "aborted"
        return SinkResult(None, self.frames, complete=False)


@dataclass(frozen=True)
class MemorySpec(SinkSpec):
    """Opens MemorySinks and remembers them.

    Attributes:
        delay: seconds that a write takes.
        full_at: frames after which the disk is full.
        forget: count frames without keeping them.
    """

    delay: float = 0.0
    full_at: int = 1 << 30
    forget: bool = False
    opened: list[MemorySink] = field(default_factory=list, compare=False, repr=False)
    format: list[tuple[int, int, Fraction]] = field(default_factory=list, compare=False, repr=False)

    def open(self, width: int, height: int, fps: Fraction, audio: AudioTrack | None) -> FrameSink:
        self.format.append((width, height, fps))
        sink = MemorySink(self)
        self.opened.append(sink)
        return sink

    @property
    def sink(self) -> MemorySink:
        return self.opened[-1]


@dataclass
class Behaviour:
    """How the stub family behaves, and what it saw.

    Attributes:
        first, chunk_frames, multiple, needs_source: what the runner asks for.
        delays: seconds that a stage takes, by ``encode``, ``denoise``, ``decode``.
        raises: what a stage raises at a chunk, by (stage, chunk).
        gates: stages wait for their gate, if they have one.
        calls: (stage, chunk, thread) in order.
        live, late: what each chunk was given.
        released: how often caches were released.
        settings: what each runner was made with.
        readout: what runners show of themselves.
    """

    first: int = 4
    chunk_frames: int = 4
    multiple: int = 2
    needs_source: bool = True
    delays: dict[str, float] = field(default_factory=dict)
    raises: dict[tuple[str, int], BaseException] = field(default_factory=dict)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    calls: list[tuple[str, int, str]] = field(default_factory=list)
    live: list[Mapping[str, Any]] = field(default_factory=list)
    late: list[Mapping[str, Any]] = field(default_factory=list)
    released: int = 0
    settings: list[DenoiseSettings] = field(default_factory=list)
    readout: dict[str, str] = field(default_factory=dict)

    def reached(self, stage: str, chunk: int, timeout: float = 10.0) -> bool:
        """Wait until a stage of a chunk has begun."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if any(call[:2] == (stage, chunk) for call in tuple(self.calls)):
                return True
            time.sleep(0.002)
        return False


class InvertRunner(Runner):
    """255 minus the source, times strength; without a source, pictures that tell their index."""

    def __init__(self, behaviour: Behaviour, node_id: str, recipe_id: str, width: int, height: int) -> None:
        self.behaviour = behaviour
        self.size = (height, width)
        self.strength = f"{node_id}.strength"
        self.requirements = Requirements(
            behaviour.first, behaviour.chunk_frames, behaviour.multiple, behaviour.needs_source
        )
        self.live_parameters = (
            LiveParameter(self.strength, "float", 1.0, 0.0, 1.0, late=True),
            LiveParameter(f"{node_id}.seed", "int", 0, 0, 2**64 - 1),
            LiveParameter(f"{recipe_id}.prompt", "text", "", maximum=4000),
        )

    def _enter(self, stage: str, chunk: int) -> None:
        assert torch.is_inference_mode_enabled()
        behaviour = self.behaviour
        behaviour.calls.append((stage, chunk, threading.current_thread().name))
        if stage in behaviour.gates:
            behaviour.gates[stage].wait()
        time.sleep(behaviour.delays.get(stage, 0.0))
        if (stage, chunk) in behaviour.raises:
            raise behaviour.raises[stage, chunk]

    def encode(self, chunk: Chunk) -> Any:
        self.behaviour.live.append(dict(chunk.live))
        self._enter("encode", chunk.index)
        if chunk.frames is None:
            numbers = range(chunk.first_frame, chunk.first_frame + self.behaviour.chunk_frames)
            return chunk, torch.from_numpy(np.stack([picture(number, *self.size) for number in numbers]))
        wanted = self.behaviour.chunk_frames if chunk.index else self.behaviour.first
        assert len(chunk.frames) == len(chunk.frames.pts) == wanted
        assert chunk.frames.index == chunk.first_frame
        return chunk, 255 - torch.from_numpy(chunk.frames.pixels)

    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        chunk, pixels = encoded
        self.behaviour.late.append(dict(late))
        self._enter("denoise", chunk.index)
        return chunk, (pixels * late[self.strength]).to(torch.uint8)

    def decode(self, denoised: Any) -> np.ndarray:
        chunk, pixels = denoised
        self._enter("decode", chunk.index)
        return pixels.numpy()

    def readout(self) -> Mapping[str, str]:
        return self.behaviour.readout

    def release_caches(self) -> None:
        self.behaviour.released += 1


class InvertModel(StreamModel):
    """The stub family's model."""

    family = "stub"
    fps = 12.0

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour

    def modules(self) -> tuple[Any, ...]:
        return (torch.nn.Identity(),)

    def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
        return width * height * self.requirements(settings).largest

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        behaviour = self.behaviour
        return Requirements(
            behaviour.first, behaviour.chunk_frames, behaviour.multiple, behaviour.needs_source
        )

    def runner(self, request: StreamRequest) -> Runner:
        """What the stub family makes of it; tests change it in subclasses."""
        self.behaviour.settings.append(request.settings)
        recipe = request.conditioning
        return InvertRunner(self.behaviour, request.node_id, recipe.node_id, request.width, request.height)


def _never(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> StreamModel:
    raise AssertionError("stub models are made by Zoo")


register(Family("stub", lambda path: False, _never, lambda model, request: model.runner(request)))


@dataclass
class Zoo:
    """Loads stub models by the checkpoint's name, and counts the loads.

    Attributes:
        behaviours: by checkpoint name.
        loads: names in order of loading.
        gate: loading waits for it, if there is one.
    """

    behaviours: dict[str, Behaviour]
    loads: list[str] = field(default_factory=list)
    gate: threading.Event | None = None

    def __call__(self, handle: ModelHandle) -> StreamModel:
        self.loads.append(handle.checkpoint)
        if self.gate is not None:
            self.gate.wait()
        return InvertModel(self.behaviours[handle.checkpoint])


def read(length: int = 10, node_id: str = "1", **options: Any) -> PlanNode:
    """A read node over a CountingSpec."""
    return PlanNode(Read(CountingSpec("images", length=length, **options)), (), node_id)


def stylise(
    parent: PlanNode | None, node_id: str = "2", checkpoint: str = "stub", **settings: Any
) -> PlanNode:
    """A denoising node over a stub model; its prompt belongs to node ``p``."""
    operation = Stylise(
        ModelHandle(checkpoint, node_id="m"), ConditioningRecipe(node_id="p"), DenoiseSettings(**settings)
    )
    return PlanNode(operation, () if parent is None else (parent,), node_id)


def write(
    parent: PlanNode,
    node_id: str = "9",
    *,
    compare: CompareMode = "off",
    other: PlanNode | None = None,
    **options: Any,
) -> PlanNode:
    """A write node over a MemorySpec."""
    parents = (parent,) if other is None else (parent, other)
    return PlanNode(Write(MemorySpec(f"memory-{node_id}", **options), compare), parents, node_id)


def spec_of(node: PlanNode) -> Any:
    """The stub source or sink spec of a read or write node."""
    operation = node.operation
    return operation.source if isinstance(operation, Read) else operation.sink

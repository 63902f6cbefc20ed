"""What a family gives the runtime: loaded models, and runners through them (``family.Family`` joins both).

A runner is driven chunk by chunk. ``encode`` runs on its lane for chunk k+1 while
``denoise`` runs for chunk k and ``decode`` for chunk k-1. A runner holds
no threads and no streams of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from ..conditioning.host_text import HostTextFile
from ..conditioning.timeline import AnyConditioning, Switch
from ..errors import SettingError
from ..media.types import Frames
from ..motion.flow import FlowSettings
from ..motion.refresh import RefreshPolicy
from .crossing import Crossing


@dataclass(frozen=True)
class Requirements:
    """How a runner wants its frames.

    Attributes:
        first: frames in the first chunk, at least 1.
        chunk_frames: frames in every later chunk, at least 1.
        multiple: width and height must be multiples of this many pixels.
        needs_source: False for a runner that can work without source frames (text-to-video).
        delay: chunks of source that go in before the first result comes out; until then ``decode``
            returns no frames, and after the end as many chunks without frames (``valid`` 0) follow.
    """

    first: int
    chunk_frames: int
    multiple: int
    needs_source: bool = True
    delay: int = 0

    @property
    def largest(self) -> int:
        """Frames of the largest chunk."""
        return max(self.first, self.chunk_frames)


@dataclass(frozen=True)
class LiveParameter:
    """A value that may change while a session plays.

    Attributes:
        key: ``"<ComfyUI node id>.<input name>"``, unique in a session.
        kind: ``"float"``, ``"int"`` or ``"text"``.
        default: the widget's value at the start.
        minimum, maximum: inclusive bounds of numbers; for text, ``maximum`` bounds its length.
        late: read again when the chunk enters the denoise lane (strength, multiplier, blend).
        check: raises SettingError for a value that the model can't take, so that a change is refused
            when it is made instead of ending the stream when it is used.
    """

    key: str
    kind: Literal["float", "int", "text"]
    default: float | int | str
    minimum: float | int | None = None
    maximum: float | int | None = None
    late: bool = False
    check: Callable[[Any], object] | None = field(default=None, compare=False, repr=False)


LARGEST_SEED = 2**53 - 1
"""Up to here JavaScript, where the seed's widget lives, tells whole numbers apart."""

LORA_LIMIT = 4.0


def live_lora(key: str, lora: object | None, strength: float) -> tuple[LiveParameter, ...]:
    """The live strength of a model's LoRA; nothing for a model without one."""
    if lora is None:
        return ()
    return (LiveParameter(key, "float", strength, -LORA_LIMIT, LORA_LIMIT, late=True),)


@dataclass(frozen=True)
class DenoiseSettings:
    """The widgets of StreamDenoise.

    Attributes:
        steps: denoising steps, at least 1.
        strength: 0 returns the source, 1 the full edit (live, late).
        seed: noise seed, 0 to ``LARGEST_SEED`` (live).
        noise: noise policy, ``"shared"`` (one noise for all frames), ``"fresh"`` (keyed by frame),
            ``"per_slot"`` (the reference's: one for each place in a chunk) or ``"flow_warped"``
            (carried along the source's motion).
        chunk: frames in a chunk; 0 lets the model decide.
        width, height: output size in pixels; 0 takes the source's.
        fps: frames a second without a source; 0 takes the model's.
        length: frames without a source; 0 plays until Stop.
        flow: how motion is found where the noise follows it.
        compile: run the network through ``torch.compile``.
        live: whether the source can't wait, as a camera can't; the session says so.
        advanced: family-specific extras, as hashable pairs.
    """

    steps: int = 1
    strength: float = 1.0
    seed: int = 0
    noise: str = "shared"
    chunk: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    length: int = 0
    flow: FlowSettings = FlowSettings()
    compile: bool = False
    live: bool = False
    advanced: tuple[tuple[str, Any], ...] = ()

    def require_noise_per_frame(self, models: str) -> None:
        """Raise SettingError for a noise policy that ``models``, which draw their own, know nothing of."""
        if self.noise not in ("shared", "fresh"):
            raise SettingError(f"noise {self.noise} does not fit {models}: use fresh.")


def live_basics(
    node_id: str, settings: DenoiseSettings, strongest: float = 1.0
) -> tuple[LiveParameter, LiveParameter]:
    """StreamDenoise's strength (late, 0 to ``strongest``) and seed, which every family has."""
    return (
        LiveParameter(f"{node_id}.strength", "float", settings.strength, 0.0, strongest, late=True),
        LiveParameter(f"{node_id}.seed", "int", settings.seed, 0, LARGEST_SEED),
    )


@dataclass(frozen=True)
class TemporalAdapter:
    """The widgets of TemporalLLLite: one adapter on a model.

    Attributes:
        path: absolute path of a safetensors file.
        hooks: which blocks it acts on, ``"all"``, ``"down"``, ``"middle"`` or ``"up"``.
        multiplier: how strongly, 0 to 4 (live under ``"<node_id>.multiplier"``, late).
        refresh: when it is shown new pictures.
        flow: how the motion is found along which the previous output is carried.
        fingerprint: changes when the file does.
        node_id: the ComfyUI node that made it, owner of its live keys.
    """

    path: str
    hooks: Literal["all", "down", "middle", "up"] = "all"
    multiplier: float = 1.0
    refresh: RefreshPolicy = RefreshPolicy()
    flow: FlowSettings = FlowSettings()
    fingerprint: str = ""
    node_id: str = ""


@dataclass(frozen=True)
class ModelHandle:
    """What travels on a STREAM_MODEL socket: everything needed to find or rebuild the model.

    Attributes:
        checkpoint: absolute path of the checkpoint folder or file.
        autoencoder, text_encoder: absolute path, or ``""`` for the one beside the checkpoint.
        dtype: ``"auto"``, ``"bf16"``, ``"fp32"`` or ``"fp8"``.
        lora: absolute path of a LoRA file or ``""``; ``lora_strength`` is live.
        host_text: the host's UMT5, which reads the text of causal video models where they have that encoder.
        profile: which published checkpoint it is played as; ``""`` lets the family recognise it.
        patches: adapters put on by later nodes, in order.
        run_on: ``""`` for this machine, ``"cluster"`` for a worker of the Ray cluster.
        on_loss: what happens when that worker is lost, ``"stop"`` or ``"restart"``.
        fingerprint: changes when a file behind the handle changes (path, size, mtime).
        node_id: the ComfyUI node that made it, owner of its live keys.
        device, text_encoder_device, autoencoder_device: of the parts, ``"cuda:1"`` or ``"cpu"`` for example;
            ``""`` is the host's for the denoiser, and the denoiser's for the others. ``"cuda:0+cuda:1"`` for
            the first: half of the denoiser's blocks on each.
    """

    checkpoint: str
    autoencoder: str = ""
    text_encoder: str = ""
    dtype: str = "auto"
    lora: str = ""
    lora_strength: float = 1.0
    host_text: HostTextFile | None = None
    profile: str = ""
    patches: tuple[TemporalAdapter, ...] = ()
    fingerprint: str = ""
    node_id: str = ""
    run_on: str = ""
    on_loss: str = "stop"
    device: str = ""
    text_encoder_device: str = ""
    autoencoder_device: str = ""


@dataclass(frozen=True)
class Chunk:
    """A run of source frames on its way through the lanes, with the values bound to it.

    Attributes:
        index: 0 for the first chunk of the stream.
        frames: the source frames, padded to the required count by repeating the last one.
            None where the plan has no source, and after the end of one for a runner with a delay.
        valid: how many of the frames are real; the rest is padding and is trimmed at the exit.
        first_frame: index of the first frame in the stream.
        live: values of all live keys, taken when the chunk entered the encode lane.
    """

    index: int
    frames: Frames | None
    valid: int
    first_frame: int
    live: Mapping[str, Any] = field(default_factory=dict)


def no_frames(height: int, width: int) -> np.ndarray:
    """What ``decode`` returns while nothing has come out yet: uint8 of shape (0, height, width, 3)."""
    return np.empty((0, height, width, 3), np.uint8)


class Runner(ABC):
    """Turns chunks of source frames into chunks of stylised frames.

    Attributes:
        crossing: between the devices of its model's parts, where a family tells parts apart.
        state: all that the stream remembers from chunk to chunk; None where that is not told, and a chunk
            can't be made again.
    """

    requirements: Requirements
    live_parameters: tuple[LiveParameter, ...]
    crossing: Crossing | None = None
    state: Any = None

    @abstractmethod
    def encode(self, chunk: Chunk) -> Any:
        """Encode lane: encode the conditioning and the source of a chunk."""

    @abstractmethod
    def denoise(self, encoded: Any, late: Mapping[str, Any]) -> Any:
        """Denoise lane: denoise. ``late`` holds the late keys' values of this moment."""

    @abstractmethod
    def decode(self, denoised: Any) -> np.ndarray:
        """Decode lane: decode to uint8 RGB of shape (count, height, width, 3)."""

    def reset(self) -> None:  # noqa: B027 - optional
        """Forget the stream so far (a new clip starts)."""

    def restyle(self, conditioning: AnyConditioning) -> None:
        """Any thread: other pictures, embeddings and weights of the styles, from the next chunk on.

        Args:
            conditioning: as the stream's, with as many styles, and as many pictures in each.

        Raises:
            SettingError: nothing has changed.
        """
        raise SettingError("this model takes other conditioning only at its start")

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        """Any thread, once a chunk: the changes of style that its schedule made in it."""
        return ()

    def readout(self) -> Mapping[str, str]:
        """Any thread: short texts by name that the node shows beside its meters."""
        return {} if self.crossing is None else self.crossing.readout()

    def release_caches(self) -> None:  # noqa: B027 - optional
        """Free what can be recomputed (after an out-of-memory error)."""


class StreamModel(ABC):
    """Loaded weights of one checkpoint; owns no stream state.

    Attributes:
        family: name of its ``Family``, which makes the runners.
        fps: frames a second where there is no source.
    """

    family: str
    fps: float

    @property
    def remark(self) -> str:
        """One line about the loaded weights that the artist should see; mostly empty."""
        return ""

    @abstractmethod
    def modules(self) -> tuple[Any, ...]:
        """The ``torch.nn.Module`` objects that memory management moves between devices."""

    @abstractmethod
    def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
        """Estimated bytes beside the weights for a stream with these settings at this size in pixels."""

    def modules_on(self, usual: torch.device) -> Mapping[torch.device, tuple[Any, ...]]:
        """``modules`` by the device that they are to be on, the denoiser's first; ``usual`` is the host's."""
        return {usual: self.modules()}

    def stream_bytes_on(self, usual: torch.device, *request: Any) -> Mapping[torch.device, int]:
        """``stream_bytes`` of settings, width and height by device."""
        return {usual: self.stream_bytes(*request)}

    @abstractmethod
    def requirements(self, settings: DenoiseSettings) -> Requirements:
        """How frames must come with these settings; raises SettingError where they can't work."""

    def patched(self, patches: tuple[TemporalAdapter, ...]) -> StreamModel:
        """The same weights, whose runners have these adapters on.

        Raises:
            SettingError: this family takes none.
        """
        if patches:
            raise SettingError(f"TemporalLLLite {patches[0].node_id} fits MLLM-edit models only: bypass it.")
        return self

    def with_lora(self, strength: float) -> StreamModel:
        """The same weights, whose runners let their LoRA act this strongly at first."""
        return self

    def own_runner(self, request: Any) -> Runner | None:
        """A runner for a ``StreamRequest`` that takes the place of the family's; mostly None."""
        return None

"""Drives a StreamEdit-DiT model over a stream: the source goes in, its edit comes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...conditioning.timeline import AnyConditioning, Switch
from ...motion.activity import Activity, ActivityMeter
from ...networks.sparse_attention.attention import Selections
from ...sampling.edit_stream import EditStream
from ...sampling.noise import keyed_noise
from ..base import Chunk, DenoiseSettings, Runner, live_basics
from ..compiling import compile_in_place
from .evaluate import evaluator
from .styles import EditInstructions, Instruction
from .window import WindowDriver

if TYPE_CHECKING:
    from .model import StreamEditDiTModel

STILL = Activity(0.0, 0.0, False)


@dataclass(frozen=True)
class Prepared:
    """All that the main lane needs for one chunk.

    Attributes:
        instruction: what it is asked for.
        source: normalised latents (1, C, h, w); None where none are complete.
        activity: of the source.
        ended: the source has ended, and the buffer empties.
        seed: of the noise.
        lasts: seconds that its pictures take on screen, where the source is live; else 0.
    """

    instruction: Instruction
    source: torch.Tensor | None
    activity: Activity
    ended: bool
    seed: int
    lasts: float


class StreamEditDiTRunner(Runner):
    """One stream through one buffer (preprint 202602.0223).

    Every chunk is one latent frame. It comes out ``partition.chunks - 1`` chunks later, after six
    evaluations beside the frames around it and the edited frames before it.
    """

    def __init__(
        self,
        model: StreamEditDiTModel,
        settings: DenoiseSettings,
        conditioning: AnyConditioning,
        *,
        node_id: str,
        width: int,
        height: int,
    ) -> None:
        self.model = model
        self.requirements = model.requirements(settings)
        self._partition = model.profile.partition(settings.steps)
        self._window, self._live = dict(settings.advanced).get("cache_window", 0), settings.live
        self._windows = self._driver()
        self.instructions = EditInstructions(
            conditioning, model.network, model.text, model.autoencoder.temporal
        )
        if settings.compile:  # but for attention, whose blocks depend on what it sees
            for block in model.network.blocks:
                for layer in (block.cross_attention, block.feed_forward):
                    compile_in_place(layer, dynamic=None)  # the window grows while its history fills
        spatial = model.autoencoder.spatial
        self._shape = (model.autoencoder.channels, height // spatial, width // spatial)
        self._size = (height, width)
        strength, seed = live_basics(node_id, settings)
        self._strength, self._seed = strength.key, seed.key
        self.live_parameters = (
            strength,
            seed,
            *self.instructions.schedule.live_parameters,
        )
        self.reset()

    def _driver(self) -> WindowDriver:
        return WindowDriver(
            self.model.profile.window,
            self._partition,
            self.model.network.place[0],
            fixed=self._window,
        )

    def reset(self) -> None:
        """A new clip: nothing of the last one stays."""
        self._encoder, self._decoder = (self.model.autoencoder.for_stream() for _ in range(2))
        self._windows = self._driver()
        self._meter = ActivityMeter()
        self._selections = Selections(self.model.network.config.dsa.refresh)
        self._stream = EditStream(self._evaluate, self._partition, self._noise, self._windows.length)
        self._unedited: deque[torch.Tensor] = deque()
        self._current: Prepared | None = None
        self._flushed = False
        self.instructions.reset()

    def release_caches(self) -> None:
        """Drop the encoded prompt."""
        self.instructions.schedule.release()

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self.instructions.schedule.switches(chunk)

    def readout(self) -> Mapping[str, str]:
        """The window as it is now."""
        return {"window": f"{self._windows.length}"}

    def prepare(self, chunk: Chunk) -> Prepared:
        frames = chunk.frames
        if frames is None:
            latents, activity, cuts, pts = self._rest(), STILL, (), ()
        else:
            latents = self._encoder.encode_chunk(torch.from_numpy(frames.pixels))
            activity, cuts = self._meter.look(frames.pixels)
            pts = frames.pts
        instruction = self.instructions.advance(chunk.index, chunk.first_frame, pts, cuts, chunk.live)
        source = None
        if latents is not None and len(latents):
            source = self.model.profile.latents.normalise(latents.float())
        seed, lasts = int(chunk.live[self._seed]), _duration(pts) if self._live else 0.0
        return Prepared(instruction, source, activity, frames is None, seed, lasts)

    def step(self, prepared: Prepared, late: Mapping[str, Any]) -> torch.Tensor | None:
        """Edited latents (1, C, h, w); ``strength`` goes from the source to the edit."""
        if prepared.source is None and not prepared.ended:
            return None
        self._current = prepared
        if prepared.source is not None:
            self._unedited.append(prepared.source)
        if prepared.instruction.keep is not None:
            self._stream.forget(prepared.instruction.keep)
        with self._windows.chunk(prepared.activity, prepared.instruction.age, prepared.lasts):
            self._stream.window = self._windows.length
            edited = self._stream.step(prepared.source, prepared.activity.cut)
        if edited is None:
            return None
        return torch.lerp(self._unedited.popleft(), edited, float(late[self._strength]))

    def finish(self, stepped: torch.Tensor | None) -> np.ndarray:
        if stepped is None:
            return np.empty((0, *self._size, 3), np.uint8)
        latents = self.model.profile.latents.denormalise(stepped)
        return self._decoder.decode_chunk(latents).cpu().numpy()

    def _rest(self) -> torch.Tensor | None:
        """What the encoder still holds, once, when the source has ended."""
        flushed, self._flushed = self._flushed, True
        return None if flushed else self._encoder.flush()

    def _evaluate(
        self, latents: torch.Tensor, sigma: torch.Tensor, source: torch.Tensor, references: int
    ) -> torch.Tensor:
        """The network under the instruction of the chunk that goes in."""
        assert self._current is not None
        network, prediction = self.model.network, self.model.profile.prediction
        context = self._current.instruction.context
        return evaluator(network, context, prediction, self._selections)(latents, sigma, source, references)

    def _noise(self, first: int, count: int, again: int) -> torch.Tensor:
        assert self._current is not None
        noise = keyed_noise(self._shape, self._current.seed, first, count, again)
        return noise.to(self.model.network.place[0])


def _duration(pts: Sequence[Fraction]) -> float:
    """Seconds that pictures last, the last one as long as the others on average; 0 for a single one."""
    return float(pts[-1] - pts[0]) * len(pts) / (len(pts) - 1) if len(pts) > 1 else 0.0

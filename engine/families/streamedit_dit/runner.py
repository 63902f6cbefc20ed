"""Drives a StreamEdit-DiT model over a stream: the source goes in, its edit comes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ...conditioning.timeline import Switch
from ...motion.activity import Activity, ActivityMeter
from ...networks.sparse_attention.attention import Selections
from ...sampling.edit_stream import EditStream
from ...sampling.noise import keyed_noise
from ..base import Chunk, Runner, live_basics
from ..compiling import set_compiled
from ..family import StreamRequest
from .evaluate import evaluator
from .model import StreamEditDiTModel
from .styles import EditStyles, PromptState
from .window import WindowDriver

STILL = Activity(0.0, 0.0, False)


@dataclass(frozen=True)
class About:
    """What goes with the pictures of one latent frame.

    Attributes:
        prompt: what they are asked for.
        activity: of the source.
        seed: of the noise.
        lasts: seconds that they take on screen, where the source is live; else 0.
    """

    prompt: PromptState
    activity: Activity
    seed: int
    lasts: float


@dataclass(frozen=True)
class EncodedChunk:
    """All that the main lane needs for one chunk.

    Attributes:
        source: normalised latents (1, C, h, w); None where none are complete.
        about: of those latents; after the source's end, of the chunk.
        ended: the source has ended, and the buffer empties.
    """

    source: torch.Tensor | None
    about: About
    ended: bool


class StreamEditDiTRunner(Runner):
    """One stream through one buffer (preprint 202602.0223).

    Every chunk is one latent frame. It comes out ``partition.chunks - 1`` chunks later, after six
    evaluations beside the frames around it and the edited frames before it.
    """

    def __init__(self, model: StreamEditDiTModel, request: StreamRequest) -> None:
        settings, node_id = request.settings, request.node_id
        width, height = request.width, request.height
        self.model = model
        self.requirements = model.requirements(settings)
        self._partition = model.profile.partition(settings.steps)
        advanced = dict(settings.advanced)
        self._window, self._backend = advanced.get("cache_window", 0), advanced.get("attention_backend")
        self._live = settings.live
        self._windows = self._driver()
        self.styles = EditStyles(request.conditioning, model.network, model.text, model.autoencoder.temporal)
        blocks = model.network.blocks  # all but self-attention, whose blocks depend on what it sees
        layers = [layer for block in blocks for layer in (block.cross_attention, block.feed_forward)]
        set_compiled(layers, settings.compile, dynamic=None)  # the window grows while its history fills
        spatial = model.autoencoder.spatial
        self._shape = (model.autoencoder.channels, height // spatial, width // spatial)
        self._size = (height, width)
        strength, seed = live_basics(node_id, settings)
        self._strength, self._seed = strength.key, seed.key
        self.live_parameters = (
            strength,
            seed,
            *self.styles.schedule.live_parameters,
        )
        self.reset()

    def _driver(self) -> WindowDriver:
        return WindowDriver(self.model.profile.window, self._partition, fixed=self._window)

    def reset(self) -> None:
        """A new clip: nothing of the last one stays."""
        self._encoder, self._decoder = (self.model.autoencoder.for_stream() for _ in range(2))
        self._windows = self._driver()
        self._meter = ActivityMeter()
        self._selections = Selections(self.model.network.config.dsa.refresh, self._backend)
        self._stream = EditStream(
            self._evaluate, self._partition, self._noise, self._windows.length, self._selections.expire
        )
        self._unedited: deque[torch.Tensor] = deque()
        self._waiting: deque[About] = deque()  # for the latents that the autoencoder still holds
        self._current: About | None = None
        self._flushed = False
        self.styles.reset()

    def release_caches(self) -> None:
        """Drop the encoded prompt."""
        self.styles.schedule.release()

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self.styles.schedule.switches(chunk)

    @property
    def seen(self) -> int:
        """Latent frames that the last evaluation saw, history and under way."""
        return self._stream.seen

    def readout(self) -> Mapping[str, str]:
        """The window as it is now, and while its history fills, how much of it there is: "8", "5 of 8"."""
        seen, window = self.seen, self._stream.window
        return {"window": f"{seen} of {window}" if 0 < seen < window else f"{window}"}

    def encode(self, chunk: Chunk) -> EncodedChunk:
        frames = chunk.frames
        if frames is None:
            latents, activity, cuts, pts = self._rest(), STILL, (), ()
        else:
            latents = self._encoder.encode_chunk(torch.from_numpy(frames.pixels))
            activity, cuts = self._meter.look(frames.pixels)
            pts = frames.pts
        prompt = self.styles.advance(chunk.index, chunk.first_frame, pts, cuts, chunk.live)
        seed, lasts = int(chunk.live[self._seed]), _duration(pts) if self._live else 0.0
        self._waiting.append(About(prompt, activity, seed, lasts))
        source = None
        if latents is not None and len(latents):
            source = self.model.profile.latents.normalise(latents.float())
        # an autoencoder that looks ahead gives a chunk's latents with the next chunk
        late = source is None and frames is not None
        return EncodedChunk(source, self._waiting[0] if late else self._waiting.popleft(), frames is None)

    def denoise(self, encoded: EncodedChunk, late: Mapping[str, Any]) -> torch.Tensor | None:
        """Edited latents (1, C, h, w); ``strength`` goes from the source to the edit."""
        if encoded.source is None and not encoded.ended:
            return None
        about = encoded.about
        if about.activity.cut:
            self._stream.begin_scene()  # the old scene ends under its own instruction
        self._current = about
        if about.prompt.keep is not None:
            self._stream.forget(about.prompt.keep)
        edited = self._stream.step(None) if encoded.source is None else self._edit(encoded.source, about)
        if edited is None:
            return None
        return torch.lerp(self._unedited.popleft(), edited, float(late[self._strength]))

    def _edit(self, source: torch.Tensor, about: About) -> torch.Tensor | None:
        """Take in a latent frame, under the window that it asks for."""
        self._unedited.append(source)
        device = self.model.network.place[0]
        with self._windows.chunk(about.activity, about.prompt.age, about.lasts, device):
            self._stream.window = self._windows.length
            return self._stream.step(source)

    def decode(self, denoised: torch.Tensor | None) -> np.ndarray:
        if denoised is None:
            return np.empty((0, *self._size, 3), np.uint8)
        latents = self.model.profile.latents.denormalise(denoised)
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
        text = self._current.prompt.text
        return evaluator(network, text, prediction, self._selections)(latents, sigma, source, references)

    def _noise(self, first: int, count: int, again: int) -> torch.Tensor:
        assert self._current is not None
        noise = keyed_noise(self._shape, self._current.seed, first, count, again)
        return noise.to(self.model.network.place[0])


def _duration(pts: Sequence[Fraction]) -> float:
    """Seconds that pictures last, the last one as long as the others on average; 0 for a single one."""
    return float(pts[-1] - pts[0]) * len(pts) / (len(pts) - 1) if len(pts) > 1 else 0.0

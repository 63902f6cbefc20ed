"""Drives a StreamDiT model over a stream: text to video until Stop, or video to video."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.states import TextStates
from ...conditioning.timeline import AnyConditioning, only_style
from ...errors import SettingError
from ...networks.cuda_graphs import Graphs
from ...sampling.moving_buffer import MovingBuffer
from ...sampling.noise import keyed_noise
from ...sampling.partition import Partition
from ...transfers import download, upload
from ..base import Chunk, LiveParameter, Runner, live_basics, no_frames
from ..compiling import of_any_length, set_compiled
from ..crossing import Crossing
from ..family import StreamRequest
from ..style_schedule import ChunkStyles, StyleSchedule
from .model import StreamDiTModel
from .state import StreamState


@dataclass(frozen=True)
class EncodedChunk:
    """All that ``denoise`` needs for one chunk.

    Attributes:
        text: the prompt's states, for one buffer.
        source: normalised latents (n, C, h, w) of the source, or None to generate.
        ended: the source has ended, and the buffer empties.
        strength: level at which the source goes in.
        seed: of the noise. layout: of the buffer while it generates.
    """

    text: TextStates
    source: torch.Tensor | None
    ended: bool
    strength: float
    seed: int
    layout: Partition


class StreamDiTRunner(Runner):
    """One stream through one moving buffer (arXiv 2507.03745, sections 3.2 and 3.5).

    Without a source the buffer is primed by ordinary generation, then every chunk costs s evaluations
    and leaves at once. With one, the buffer is truncated to the N' = ceil(strength * N) cleanest
    segments, fills as the source comes in, and gives each chunk back N' - 1 chunks later.

    Attributes:
        state: all that the stream remembers.
    """

    def __init__(self, model: StreamDiTModel, request: StreamRequest) -> None:
        settings, recipe, node_id = request.settings, only_style(request.conditioning), request.node_id
        width, height = request.width, request.height
        if recipe.references or recipe.external is not None:
            raise SettingError("StreamDiT models follow words only: disconnect references and conditioning.")
        self.model = model
        self.styles = StyleSchedule(recipe, check=model.text.check)
        self.requirements = model.requirements(settings)
        set_compiled(model.network.blocks, settings.compile)
        self._graphs = Graphs([model.network], settings.compile)
        self._start = model.partition(settings)
        self._depth = self._start.depth(settings.strength)
        spatial = model.autoencoder.spatial
        self._shape = (model.autoencoder.channels, height // spatial, width // spatial)
        self._size = (height, width)
        self._chunk, self._steps = f"{node_id}.chunk", f"{node_id}.steps"
        strongest = self._depth / self._start.chunks  # the delay is fixed when the stream starts
        strength, seed = live_basics(node_id, settings, strongest)
        strength = replace(strength, late=False)  # it acts on what goes in, not on what comes out with it
        self._strength, self._seed = strength.key, seed.key
        self.live_parameters = (
            strength,
            seed,
            LiveParameter(self._chunk, "int", settings.chunk, check=self._check_layout(model.check_chunk)),
            LiveParameter(self._steps, "int", settings.steps, check=self._check_layout(model.check_steps)),
            *self.styles.live_parameters,
        )
        self.crossing = Crossing()
        self.reset()

    def reset(self) -> None:
        encoder, decoder = (self.model.autoencoder.for_stream() for _ in range(2))
        self.state = StreamState(ChunkStyles(self.styles, self._read), encoder, decoder)

    def release_caches(self) -> None:
        self.state.styles.release()
        self._graphs.clear()

    def restyle(self, conditioning: AnyConditioning) -> None:
        self.styles.restyle(conditioning)

    def encode(self, chunk: Chunk) -> EncodedChunk:
        self.crossing.chunks += 1
        ended = chunk.frames is None and chunk.valid == 0
        source = None
        if chunk.frames is not None:
            self.state.restyles = True
            source = self.state.encoder.encode_chunk(torch.from_numpy(chunk.frames.pixels))
        elif ended and not self.state.flushed:
            source, self.state.flushed = self.state.encoder.flush(), True
        if source is not None:
            source = self.crossing.take(source, self.model.network.place[0])
            source = self.model.profile.latents.normalise(source.float())
        layout = self._layout(int(chunk.live[self._chunk]), int(chunk.live[self._steps]))
        text = self.state.styles.advance(chunk.index, chunk.first_frame, (), (), chunk.live)
        strength, seed = float(chunk.live[self._strength]), int(chunk.live[self._seed])
        return EncodedChunk(text, source, ended, strength, seed, layout)

    def denoise(self, encoded: EncodedChunk, late: Mapping[str, Any]) -> torch.Tensor | None:
        """Latents (c, C, h, w) that are done, in the network's scale; None while the buffer fills."""
        self.state.seed = encoded.seed
        if encoded.source is None and not encoded.ended:
            return self._generate(encoded)
        return self._restyle(encoded)

    def decode(self, denoised: torch.Tensor | None) -> np.ndarray:
        if denoised is None:
            return no_frames(*self._size)
        latents = self.model.profile.latents.denormalise(denoised)
        decoder = self.state.decoder
        return download(decoder.decode_chunk(self.crossing.take(latents, decoder.place[0])))

    def _generate(self, encoded: EncodedChunk) -> torch.Tensor:
        """As many latents as a chunk had when the stream started; cycles until they are there."""
        wanted = self._start.frames
        if self.state.buffer is None:
            self.state.buffer = self._new_buffer(self._start.chunks)
        while sum(map(len, self.state.done)) < wanted:
            self._cycle_generating(self.state.buffer, encoded)
        done = torch.cat(self.state.done)
        self.state.done = [done[wanted:]] if len(done) > wanted else []
        return done[:wanted]

    def _cycle_generating(self, buffer: MovingBuffer, encoded: EncodedChunk) -> None:
        layout = encoded.layout
        if layout != buffer.partition and buffer.fits(layout):
            buffer.switch(layout)
        if not len(buffer):
            buffer.prime(lambda x, sigmas: self._velocity(x, sigmas, encoded.text))
        elif layout == buffer.partition:
            while buffer.room >= layout.frames:
                buffer.push()
        emitted = buffer.cycle(lambda x, sigmas: self._velocity(x, sigmas, encoded.text))
        assert emitted is not None
        self.state.done.append(emitted)

    def _layout(self, chunk: int, steps: int) -> Partition:
        """The trained layout of live values; one with other steps where the chunk has none with these."""
        profile, frames = self.model.profile, chunk // self.model.autoencoder.temporal
        layout = profile.partition(frames, steps) or profile.partition(frames, 1)
        assert layout is not None
        return layout

    def _check_layout(self, check: Callable[[int], None]) -> Callable[[int], None]:
        """Refuses a live value that wasn't trained, and any while a video goes through."""

        def checked(value: int) -> None:
            if self.state.restyles:
                raise SettingError("chunk and steps stay as they are while a video goes through: stop first.")
            check(value)

        return checked

    def _restyle(self, encoded: EncodedChunk) -> torch.Tensor | None:
        """Push what came of the source, and cycle once."""
        if self.state.buffer is None:
            self.state.buffer = self._new_buffer(self._depth)
        count = self._start.frames
        parts = [part for part in (self.state.waiting, encoded.source) if part is not None]
        self.state.waiting = torch.cat(parts) if parts else None
        if self.state.waiting is not None and len(self.state.waiting) >= count:
            self.state.buffer.push(self.state.waiting[:count], encoded.strength)
            self.state.waiting = self.state.waiting[count:]
        elif not encoded.ended:
            return None
        return self.state.buffer.cycle(lambda x, sigmas: self._velocity(x, sigmas, encoded.text))

    def _new_buffer(self, depth: int) -> MovingBuffer:
        return MovingBuffer(self._start, self._noise, depth=depth, advance=self.model.profile.advance)

    def _noise(self, first: int, count: int, again: int) -> torch.Tensor:
        noise = keyed_noise(self._shape, self.state.seed, first, count, again)
        return upload(noise, self.model.network.place[0])

    def _velocity(self, latents: torch.Tensor, sigmas: torch.Tensor, text: TextStates) -> torch.Tensor:
        """The network on one buffer, guided where the checkpoint asks for it."""
        network, guidance = self.model.network, self.model.profile.guidance
        velocity = self._evaluate(latents, sigmas, text)
        if guidance == 1.0:
            return velocity
        without = self._evaluate(latents, sigmas, network.read_text({}))
        return without + guidance * (velocity - without)

    def _evaluate(self, latents: torch.Tensor, sigmas: torch.Tensor, text: TextStates) -> torch.Tensor:
        network, buffer = self.model.network, self.state.buffer
        assert buffer is not None
        layout = buffer.partition
        # graphs are for one length: a buffer that fills or empties runs without them
        whole = len(latents) == layout.references + buffer.depth * layout.frames
        plan = network.plan(len(latents), *latents.shape[2:])

        def run(
            latents: torch.Tensor, sigmas: torch.Tensor, states: torch.Tensor, mask: torch.Tensor | None
        ) -> torch.Tensor:
            told = of_any_length(TextStates(states, mask))
            return network(latents[None], sigmas[None], told, compiled=whole, plan=plan)[0].float()

        if not whole:
            return run(latents, sigmas, text.states, text.mask)
        return self._graphs(run, latents, sigmas, constants=(text.states, text.mask))

    def _read(self, recipe: ConditioningRecipe, style: int, prompt: str) -> TextStates:
        """The prompt as the network reads it."""
        return self.model.read(prompt, self.crossing)

"""Drives a StreamEdit-DiT model over a stream: the source goes in, its edit comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import nn

from ...conditioning.states import TextStates
from ...conditioning.timeline import AnyConditioning, Switch
from ...motion.activity import Activity
from ...networks.cuda_graphs import Graphs
from ...networks.sparse_attention.attention import Selections
from ...networks.streamedit_dit.model import StreamEditDiT
from ...networks.transformer import Block
from ...sampling.edit_stream import EditStream
from ...sampling.noise import keyed_noise
from ...transfers import download, upload
from ..base import Chunk, Runner, live_basics, no_frames
from ..compiling import set_compiled
from ..crossing import Crossing
from ..family import StreamRequest
from ..style_schedule import StyleSchedule
from .evaluate import evaluator
from .model import StreamEditDiTModel
from .state import About, StreamState
from .styles import EditStyles
from .window import WindowDriver

STILL = Activity(0.0, 0.0, False)


@dataclass(frozen=True)
class EncodedChunk:
    """All that ``denoise`` needs for one chunk.

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

    Attributes:
        state: all that the stream remembers.
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
        self._driver()  # refuses a window that was not trained, before any memory is taken
        self.styles = StyleSchedule(request.conditioning, check=model.text.check)
        # dynamic: the window grows while its history fills
        set_compiled(compiled_parts(model.network), settings.compile, dynamic=None)
        self._graphs = Graphs([model.network], settings.compile)
        spatial = model.autoencoder.spatial
        self._shape = (model.autoencoder.channels, height // spatial, width // spatial)
        self._size = (height, width)
        strength, seed = live_basics(node_id, settings)
        self._strength, self._seed = strength.key, seed.key
        self.live_parameters = (
            strength,
            seed,
            *self.styles.live_parameters,
        )
        self.crossing = Crossing()
        self.reset()

    def _driver(self) -> WindowDriver:
        return WindowDriver(self.model.profile.window, self._partition, fixed=self._window)

    def reset(self) -> None:
        model, windows = self.model, self._driver()
        encoder, decoder = (model.autoencoder.for_stream() for _ in range(2))
        selections = Selections(model.network.config.dsa.refresh, self._backend)
        stream = EditStream(self._evaluate, self._partition, self._noise, windows.length, selections.expire)
        styles = EditStyles(self.styles, self._read, model.autoencoder.temporal)
        self.state = StreamState(styles, encoder, decoder, windows, selections, stream)

    def release_caches(self) -> None:
        self.state.styles.styles.release()
        self._graphs.clear()

    def restyle(self, conditioning: AnyConditioning) -> None:
        self.styles.restyle(conditioning)

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self.state.styles.styles.switches(chunk)

    @property
    def seen(self) -> int:
        """Latent frames that the last evaluation saw, history and under way."""
        return self.state.stream.seen

    def readout(self) -> Mapping[str, str]:
        """The window as it is now, and while its history fills, how much of it there is: "8", "5 of 8"."""
        seen, window = self.seen, self.state.stream.window
        shown = f"{seen} of {window}" if 0 < seen < window else f"{window}"
        return {"window": shown, **super().readout()}

    def encode(self, chunk: Chunk) -> EncodedChunk:
        frames = chunk.frames
        self.crossing.chunks += 1
        if frames is None:
            latents, activity, cuts, pts = self._rest(), STILL, (), ()
        else:
            latents = self.state.encoder.encode_chunk(torch.from_numpy(frames.pixels))
            activity, cuts = self.state.meter.look(frames.pixels)
            pts = frames.pts
        prompt = self.state.styles.advance(chunk.index, chunk.first_frame, pts, cuts, chunk.live)
        seed, lasts = int(chunk.live[self._seed]), _duration(pts) if self._live else 0.0
        self.state.waiting.append(About(prompt, activity, seed, lasts))
        source = None
        if latents is not None and len(latents):
            latents = self.crossing.take(latents, self.model.network.place[0])
            source = self.model.profile.latents.normalise(latents.float())
        # an autoencoder that looks ahead gives a chunk's latents with the next chunk
        late = source is None and frames is not None
        return EncodedChunk(
            source, self.state.waiting[0] if late else self.state.waiting.popleft(), frames is None
        )

    def denoise(self, encoded: EncodedChunk, late: Mapping[str, Any]) -> torch.Tensor | None:
        """Edited latents (1, C, h, w); ``strength`` goes from the source to the edit."""
        if encoded.source is None and not encoded.ended:
            return None
        about = encoded.about
        if about.activity.cut:
            self.state.stream.begin_scene()  # the old scene ends under its own instruction
        self.state.current = about
        if about.prompt.keep is not None:
            self.state.stream.forget(about.prompt.keep)
        edited = self.state.stream.step(None) if encoded.source is None else self._edit(encoded.source, about)
        if edited is None:
            return None
        return torch.lerp(self.state.unedited.popleft(), edited, float(late[self._strength]))

    def _edit(self, source: torch.Tensor, about: About) -> torch.Tensor | None:
        """Take in a latent frame, under the window that it asks for."""
        self.state.unedited.append(source)
        device = self.model.network.place[0]
        with self.state.windows.chunk(about.activity, about.prompt.age, about.lasts, device):
            self.state.stream.window = self.state.windows.length
            return self.state.stream.step(source)

    def decode(self, denoised: torch.Tensor | None) -> np.ndarray:
        if denoised is None:
            return no_frames(*self._size)
        latents = self.model.profile.latents.denormalise(denoised)
        decoder = self.state.decoder
        return download(decoder.decode_chunk(self.crossing.take(latents, decoder.place[0])))

    def _read(self, prompt: str) -> TextStates:
        """The prompt as the network reads it; an empty one, "leave it as it is", is the null token alone."""
        return self.model.read(prompt, self.crossing) if prompt.strip() else self.model.network.read_text({})

    def _rest(self) -> torch.Tensor | None:
        """What the encoder still holds, once, when the source has ended."""
        flushed, self.state.flushed = self.state.flushed, True
        return None if flushed else self.state.encoder.flush()

    def _evaluate(
        self, latents: torch.Tensor, sigma: torch.Tensor, source: torch.Tensor, references: int
    ) -> torch.Tensor:
        """The network under the instruction of the chunk that goes in."""
        assert self.state.current is not None
        network, selections, text = self.model.network, self.state.selections, self.state.current.prompt.text
        tokens = latents[:, 0].numel() // network.patch**2
        # a window that fills or empties is another one at every step
        full = len(latents) == self.state.stream.window and not network.selects(selections, tokens)
        graphs = self._graphs if full else None
        evaluate = evaluator(network, text, self.model.profile.prediction, selections, graphs)
        return evaluate(latents, sigma, source, references)

    def _noise(self, first: int, count: int, again: int) -> torch.Tensor:
        assert self.state.current is not None
        noise = keyed_noise(self._shape, self.state.current.seed, first, count, again)
        return upload(noise, self.model.network.place[0])


def compiled_parts(network: StreamEditDiT) -> list[nn.Module]:
    """Whole blocks, and their layers, which run where a block selects what it attends to."""
    blocks = [block for block in network.blocks if isinstance(block, Block)]
    return [part for block in blocks for part in (block, block.cross_attention, block.feed_forward)]


def _duration(pts: Sequence[Fraction]) -> float:
    """Seconds that pictures last, the last one as long as the others on average; 0 for a single one."""
    return float(pts[-1] - pts[0]) * len(pts) / (len(pts) - 1) if len(pts) > 1 else 0.0

"""Drives a causal video model over a stream: style and source ahead, then one block at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ...autoencoders.video import VideoAutoencoder
from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.timeline import AnyConditioning, StyleTimeline, Switch
from ...errors import SettingError
from ...networks.cuda_graphs import Graphs
from ...sampling.flow_match import renoise
from ...sampling.noise_control import MotionNoiseController, start_at
from ...sampling.rolling import RollingRollout
from ...sampling.rollout import BlockRollout
from ...sampling.stream_batch import StreamBatchRollout
from ...sampling.style_states import StyleKV, StyleStates
from ...transfers import download, upload
from ..base import Chunk, Runner, live_basics, live_lora, no_frames
from ..compiling import set_compiled
from ..crossing import Crossing
from ..family import StreamRequest
from ..style_schedule import StyleSchedule
from .hosted_text import HostedText
from .model import RTRDiTModel
from .new_rollout import block_noise, new_rollout
from .source import BlockSource
from .state import StreamState
from .styles import BlockStyles, reference_latents, reference_room, switch_policy
from .styles_lora import LoraStyles
from .text import conditioning_states


@dataclass(frozen=True)
class EncodedChunk:
    """All that ``denoise`` needs for one block.

    Attributes:
        style: its style as keys and values; as states where a LoRA has a part in projecting them, which
            only the denoise lane does.
        source: normalised latents (n, C, h, w); None without a source.
        image: latents (1, 1, C, h, w) that its first frame has; None where it is free.
        first: index of its first latent frame in the stream.
        seed: of its noise.
        motion: what fast motion takes away from the noise on the source.
        jump: latent frames of time before the new shot that it begins; 0 where it begins none.
    """

    style: StyleKV | StyleStates
    source: torch.Tensor | None
    image: torch.Tensor | None
    first: int
    seed: int
    motion: float
    jump: int


class RTRDiTRunner(Runner):
    """One stream through one model (arXiv 2604.13509; the rollout is Self Forcing's, 2506.08009).

    Attributes:
        state: all that the stream remembers.
    """

    def __init__(self, model: RTRDiTModel, request: StreamRequest) -> None:
        settings, node_id = request.settings, request.node_id
        width, height = request.width, request.height
        self.model, self.settings, self.profile = model, settings, model.profile
        self.requirements = model.requirements(settings)
        rows, wide = self.profile.text_length, model.net.config.text_dim
        self._hosted = {
            recipe.node_id: HostedText(recipe.clip, rows, wide)
            for recipe in StyleTimeline.of(request.conditioning).styles
            if recipe.clip is not None
        }
        if self._hosted and self.profile.text != "umt5":
            raise SettingError("clip does not fit this model, which reads prompts itself: disconnect it.")
        self.styles = StyleSchedule(
            request.conditioning,
            check=None if model.text is None else model.text.check,
            checks={node: text.check for node, text in self._hosted.items()},
            most=1 if self.profile.image_start else self.profile.references,
            weighs=True,
            embeddings=(rows, wide),
        )
        self.size = (height, width)
        pinned = 0 if self.profile.image_start else reference_room(self.styles.timeline)
        layout = model.layout(settings, width, height, pinned)
        spatial = model.autoencoder.spatial
        self.block = model.block(settings)
        self._raw = self.profile.source_space == "raw"
        self.latent_shape = (model.autoencoder.channels, height // spatial, width // spatial)
        policy = switch_policy(request.conditioning, model.autoencoder.temporal, self.profile.switch)
        rollout = new_rollout(model, settings, layout, policy, self.latent_shape)
        self._batched = isinstance(rollout, StreamBatchRollout)
        # dynamic: the cache grows until its window is full
        set_compiled(model.net.blocks, settings.compile, dynamic=None)
        rollout.graphs = Graphs([model.net], settings.compile)
        strength, seed = live_basics(node_id, settings)
        self._strength, self._seed = strength.key, seed.key
        self._lora_strength = f"{request.model_node_id}.lora_strength"
        self.live_parameters = (
            strength,
            seed,
            *self.styles.live_parameters,
            *live_lora(self._lora_strength, model.lora, model.lora_strength),
        )
        self.crossing = Crossing()
        self.state = self._new_state(rollout)

    def reset(self) -> None:
        rollout = self.state.rollout
        rollout.reset()
        self.state = self._new_state(rollout)

    def _new_state(self, rollout: BlockRollout) -> StreamState:
        # encoding and decoding go on at once, each with its own state
        encoder, decoder = (self.model.autoencoder.for_stream() for _ in range(2))
        lora = self.model.lora
        styles = BlockStyles(
            self.styles,
            text=self._text,
            references=lambda recipe: None if self.profile.image_start else self._pictures(recipe, encoder),
            project=self._project,
        )
        return StreamState(
            styles,
            BlockSource(encoder, self.block),
            MotionNoiseController(self.profile.motion_sensitivity),
            rollout,
            None if lora is None else LoraStyles(lora, rollout.project),
            decoder,
        )

    def release_caches(self) -> None:
        """Drop the projected styles, and graphs."""
        if self.state.rollout.graphs is not None:
            self.state.rollout.graphs.clear()
        self.state.styles.release()
        if self.state.lora is not None:
            self.state.lora.release()

    def restyle(self, conditioning: AnyConditioning) -> None:
        if self.profile.image_start:
            raise SettingError("a stream can't begin with another picture while it plays")
        self.styles.restyle(conditioning)

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self.state.styles.switches(chunk)

    def encode(self, chunk: Chunk) -> EncodedChunk | None:
        """None while the autoencoder has not seen enough to encode a block, and after the last block."""
        frames = chunk.frames
        self.crossing.chunks += 1
        pixels, cuts = None if frames is None else frames.pixels, ()
        if pixels is not None:
            self.state.motion.look(pixels)
            if self.styles.timeline.watches_cuts:
                cuts = self.state.cuts.cuts(pixels)
        before = self.state.styles.chosen
        style = self.state.styles.advance(
            chunk.index, chunk.first_frame, self._times(chunk), cuts, chunk.live
        )
        if self.state.styles.begins_shot(before):
            self.state.jump = self.profile.shot_jump
        source, image = None, None
        if pixels is not None or not chunk.valid:
            source = self.state.source.take(pixels)
            if source is None:
                return None
            source = self.crossing.take(source, self.model.net.device)
        elif self._batched:
            raise SettingError("stream_batch needs a video to start from: turn it off to generate.")
        first, seed = self.state.latents, int(chunk.live[self._seed])
        if self.profile.image_start and not first:
            image = self._image(source)
        self.state.latents += self.block
        jump, self.state.jump = self.state.jump, 0
        return EncodedChunk(style, source, image, first, seed, self.state.motion.reduction, jump)

    def denoise(self, encoded: EncodedChunk | None, late: Mapping[str, Any]) -> torch.Tensor | None:
        """Denoise a block; ``strength`` goes from the source to the model's picture."""
        strength = float(late[self._strength])
        if self.state.lora is not None:
            self.state.lora.turn(float(late[self._lora_strength]))
        if encoded is None:
            return self._shown(self._drained(), strength)
        self.state.rollout.switch(self._projected(encoded.style), encoded.jump)
        rollout, source, schedule = self.state.rollout, encoded.source, None
        self.state.sources.append(source)
        scale = max(0.0, self.profile.noise_scale - encoded.motion) * strength
        shown = self.state.source.encoder.denormalise(source) if self._raw and source is not None else source
        if isinstance(rollout, RollingRollout):
            rollout.seed = encoded.seed
            return self._shown(rollout.feed(shown, scale), strength)
        start = self._noise(encoded, 0)
        if source is not None and shown is not None and self.profile.injection == "sdedit":
            if scale == 0.0 and not self._batched:
                return self._shown(source.float()[None], strength)
            schedule = start_at(rollout.schedule, scale, self.profile.noise_offset, every=self._batched)
            start = renoise(shown.float()[None], start, scale)
        injected = None if source is None or self.profile.injection == "sdedit" else source[None]

        def fresh(step: int) -> torch.Tensor:
            return self._noise(encoded, step + 1)

        if isinstance(rollout, StreamBatchRollout):
            return self._shown(rollout.advance(start, fresh, injected, schedule), strength)
        return self._shown(rollout.step(start, fresh, injected, schedule, encoded.image), strength)

    def _drained(self) -> torch.Tensor | None:
        """The next block that is still under way after the last one went in."""
        rollout = self.state.rollout
        if isinstance(rollout, StreamBatchRollout):
            return rollout.drain()
        return rollout.advance() if isinstance(rollout, RollingRollout) else None

    def _pictures(self, recipe: ConditioningRecipe, encoder: VideoAutoencoder) -> torch.Tensor | None:
        latents = reference_latents(recipe, encoder, self.size[1], self.size[0])
        return None if latents is None else self.crossing.take(latents, self.model.net.device)

    def _image(self, source: torch.Tensor | None) -> torch.Tensor | None:
        """The first style's picture as the stream's first latent."""
        timeline = self.styles.timeline
        image = self._pictures(timeline.styles[timeline.active - 1], self.state.source.encoder)
        if image is not None and source is not None:
            raise SettingError("references: this model starts from a picture or a video: disconnect one.")
        return image

    def _project(self, states: StyleStates) -> StyleKV | StyleStates:
        """Encode lane: a style's keys and values, where no LoRA changes them."""
        return self.state.rollout.project(states) if self.state.lora is None else states

    def _projected(self, style: StyleKV | StyleStates) -> StyleKV:
        """Denoise lane: the same where one changes them."""
        if isinstance(style, StyleKV):
            return style
        assert self.state.lora is not None
        return self.state.lora.projected(style)

    def _shown(self, made: torch.Tensor | None, strength: float) -> torch.Tensor | None:
        """A block (1, n, C, h, w) as it is decoded, (n, C, h, w), mixed with its source."""
        if made is None:
            return None
        source = self.state.sources.popleft()
        if source is None or self.profile.injection == "sdedit":
            return made[0]
        return torch.lerp(source.float(), made[0], strength)

    def decode(self, denoised: torch.Tensor | None) -> np.ndarray:
        if denoised is None:
            return no_frames(*self.size)
        decoder = self.state.decoder
        return download(decoder.decode_chunk(self.crossing.take(denoised, decoder.place[0])))

    def _times(self, chunk: Chunk) -> tuple[Fraction, ...]:
        """Seconds of the chunk's frames; none for a chunk that only brings out what is held back."""
        if chunk.frames is not None:
            return chunk.frames.pts
        rate = Fraction(self.settings.fps or self.model.fps).limit_denominator(1001)
        return tuple(
            Fraction(frame) / rate for frame in range(chunk.first_frame, chunk.first_frame + chunk.valid)
        )

    def _noise(self, encoded: EncodedChunk, draw: int) -> torch.Tensor:
        noise = block_noise(self.latent_shape, encoded.seed, encoded.first, self.block, draw)
        return upload(noise, self.model.net.device)

    def _text(self, recipe: ConditioningRecipe, prompt: str) -> torch.Tensor:
        net, rows = self.model.net, self.profile.text_length
        text = self._hosted.get(recipe.node_id, self.model.text)
        return conditioning_states(recipe, prompt, text, (rows, net.config.text_dim), net.device)

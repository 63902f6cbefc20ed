"""Drives a causal video model over a stream: style and source ahead, then one block at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.timeline import Switch
from ...errors import SettingError
from ...motion.scene import CutDetector
from ...sampling.flow_match import renoise
from ...sampling.noise_control import MotionNoiseController, start_at
from ...sampling.stream_batch import StreamBatchRollout
from ...sampling.style_states import StyleKV, StyleStates
from ..base import Chunk, Runner, live_basics, live_lora
from ..compiling import set_compiled
from ..family import StreamRequest
from .model import RTRDiTModel
from .new_rollout import block_noise, new_rollout
from .source import BlockSource
from .styles import BlockStyles, reference_latents
from .styles_lora import LoraStyles
from .text import conditioning_states


@dataclass(frozen=True)
class EncodedChunk:
    """All that the main lane needs for one block.

    Attributes:
        style: its style as keys and values; as states where a LoRA has a part in projecting them, which
            only the main lane does.
        source: normalised latents (n, C, h, w); None without a source.
        first: index of its first latent frame in the stream.
        seed: of its noise.
        motion: what fast motion takes away from the noise on the source.
    """

    style: StyleKV | StyleStates
    source: torch.Tensor | None
    first: int
    seed: int
    motion: float


class RTRDiTRunner(Runner):
    """One stream through one model (arXiv 2604.13509; the rollout is Self Forcing's, 2506.08009)."""

    def __init__(self, model: RTRDiTModel, request: StreamRequest) -> None:
        settings, node_id = request.settings, request.node_id
        width, height = request.width, request.height
        self.model, self.settings, self.profile = model, settings, model.profile
        self.requirements = model.requirements(settings)
        # encoding and decoding go on at once, each with its own state
        encoder, self._decoder = model.autoencoder.for_stream(), model.autoencoder.for_stream()
        self.styles = BlockStyles(
            request.conditioning,
            text=self._text,
            references=lambda recipe: reference_latents(recipe, encoder, width, height),
            project=self._project,
            check=None if model.text is None else model.text.check,
            most=self.profile.references,
        )
        self.size = (height, width)
        layout = model.layout(settings, width, height, self.styles.room())
        spatial = model.autoencoder.spatial
        self.block = layout.block
        self._source = BlockSource(encoder, self.block)
        self._raw = self.profile.source_space == "raw"
        self.latent_shape = (model.autoencoder.channels, height // spatial, width // spatial)
        self.rollout = new_rollout(model, settings, layout, self.styles.policy(model.autoencoder.temporal))
        self._lora = None if model.lora is None else LoraStyles(model.lora, self.rollout.project)
        self._batched = isinstance(self.rollout, StreamBatchRollout)
        # dynamic: the cache grows until its window is full
        set_compiled(model.net.blocks, settings.compile, dynamic=None)
        strength, seed = live_basics(node_id, settings)
        self._strength, self._seed = strength.key, seed.key
        self._lora_strength = f"{request.model_node_id}.lora_strength"
        self.live_parameters = (
            strength,
            seed,
            *self.styles.live_parameters,
            *live_lora(self._lora_strength, model.lora, model.lora_strength),
        )
        self.reset()

    def reset(self) -> None:
        """A new clip: nothing of the last one stays."""
        self._source.reset()
        self._decoder.reset()
        self.styles.reset()
        self.release_caches()
        self.rollout.reset()
        self._cuts = CutDetector()
        self._motion = MotionNoiseController(self.profile.motion_sensitivity)
        self._sources: deque[torch.Tensor | None] = deque()  # of the blocks on their way
        self._latents = 0

    def release_caches(self) -> None:
        """Drop the projected styles."""
        self.styles.release()
        if self._lora is not None:
            self._lora.release()

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self.styles.switches(chunk)

    def encode(self, chunk: Chunk) -> EncodedChunk | None:
        """None while the autoencoder has not seen enough to encode a block, and after the last block."""
        frames = chunk.frames
        pixels, cuts = None if frames is None else frames.pixels, ()
        if pixels is not None:
            self._motion.look(pixels)
            if self.styles.timeline.watches_cuts:
                cuts = self._cuts.cuts(pixels)
        style = self.styles.advance(chunk.index, chunk.first_frame, self._times(chunk), cuts, chunk.live)
        source = None
        if pixels is not None or not chunk.valid:
            source = self._source.take(pixels)
            if source is None:
                return None
        elif self._batched:
            raise SettingError("stream_batch needs a video to start from: turn it off to generate.")
        first, self._latents = self._latents, self._latents + self.block
        return EncodedChunk(style, source, first, int(chunk.live[self._seed]), self._motion.reduction)

    def denoise(self, encoded: EncodedChunk | None, late: Mapping[str, Any]) -> torch.Tensor | None:
        """Denoise a block; ``strength`` goes from the source to the model's picture."""
        strength = float(late[self._strength])
        if self._lora is not None:
            self._lora.turn(float(late[self._lora_strength]))
        if encoded is None:
            return self._shown(self.rollout.drain(), strength) if self._batched else None
        self.rollout.switch(self._projected(encoded.style))
        source, start, schedule = encoded.source, self._noise(encoded, 0), None
        self._sources.append(source)
        if source is not None and self.profile.injection == "sdedit":
            scale = max(0.0, self.profile.noise_scale - encoded.motion) * strength
            if scale == 0.0 and not self._batched:
                return self._shown(source.float()[None], strength)
            schedule = start_at(
                self.rollout.settings.schedule, scale, self.profile.noise_offset, every=self._batched
            )
            shown = self._source.encoder.denormalise(source) if self._raw else source
            start = renoise(shown.float()[None], start, scale)
        injected = None if source is None or self.profile.injection == "sdedit" else source[None]
        batched = isinstance(self.rollout, StreamBatchRollout)
        enter = self.rollout.advance if batched else self.rollout.step
        made = enter(start, lambda step: self._noise(encoded, step + 1), injected, schedule)
        return self._shown(made, strength)

    def _project(self, states: StyleStates) -> StyleKV | StyleStates:
        """Side lane: a style's keys and values, where no LoRA changes them."""
        return self.rollout.project(states) if self._lora is None else states

    def _projected(self, style: StyleKV | StyleStates) -> StyleKV:
        """Main lane: the same where one changes them."""
        if isinstance(style, StyleKV):
            return style
        assert self._lora is not None
        return self._lora.projected(style)

    def _shown(self, made: torch.Tensor | None, strength: float) -> torch.Tensor | None:
        """A block (1, n, C, h, w) as it is decoded, (n, C, h, w), mixed with its source."""
        if made is None:
            return None
        source = self._sources.popleft()
        if source is None or self.profile.injection == "sdedit":
            return made[0]
        return torch.lerp(source.float(), made[0], strength)

    def decode(self, denoised: torch.Tensor | None) -> np.ndarray:
        if denoised is None:
            return np.empty((0, *self.size, 3), np.uint8)
        return self._decoder.decode_chunk(denoised).cpu().numpy()

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
        return noise.to(self.model.net.device)

    def _text(self, recipe: ConditioningRecipe, prompt: str) -> torch.Tensor:
        net, rows = self.model.net, self.profile.text_length
        return conditioning_states(recipe, prompt, self.model.text, (rows, net.config.text_dim), net.device)

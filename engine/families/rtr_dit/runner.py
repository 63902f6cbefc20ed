"""Drives a causal video model over a stream: conditions and source ahead, then one block at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...cache.kv_cache import SegmentedKVCache
from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.timeline import AnyConditioning, Switch
from ...errors import SettingError
from ...motion.scene import CutDetector
from ...sampling.flow_match import FlowMatchSchedule, renoise
from ...sampling.noise import frame_noise
from ...sampling.noise_control import MotionNoiseController, start_at
from ...sampling.rollout import BlockRollout, Encoded, RolloutSettings
from ..base import Chunk, DenoiseSettings, LiveParameter, Runner, live_lora
from ..compiling import compile_in_place
from .styles import BlockStyles, reference_latents
from .text import fit_external

if TYPE_CHECKING:
    from .model import RTRDiTModel

DRAWS = 64
"""Draws of noise that one seed is good for at a frame: the start, and one for every step."""


@dataclass(frozen=True)
class Prepared:
    """All that the main lane needs for one block.

    Attributes:
        encoded: what conditions it.
        source: normalised latents (n, C, h, w); None without a source.
        first: index of its first latent frame in the stream.
        seed: of its noise.
        motion: what fast motion takes away from the noise on the source.
    """

    encoded: Encoded
    source: torch.Tensor | None
    first: int
    seed: int
    motion: float


class RTRDiTRunner(Runner):
    """One stream through one model (arXiv 2604.13509; the rollout is Self Forcing's, 2506.08009)."""

    def __init__(
        self,
        model: RTRDiTModel,
        settings: DenoiseSettings,
        conditioning: AnyConditioning,
        *,
        node_id: str,
        model_node_id: str,
        width: int,
        height: int,
    ) -> None:
        self.model, self.settings, self.profile = model, settings, model.profile
        self.requirements = model.requirements(settings)
        # encoding and decoding go on at once, each with its own state
        self._encoder, self._decoder = model.autoencoder.for_stream(), model.autoencoder.for_stream()
        self.styles = BlockStyles(
            conditioning,
            text=self._text,
            references=lambda recipe: reference_latents(recipe, self._encoder, width, height),
            encode=lambda conditions: self.rollout.encode(conditions),
            check=None if model.text is None else model.text.check,
            most=self.profile.references,
        )
        self.size = (height, width)
        layout = model.layout(settings, width, height, self.styles.room())
        spatial = model.autoencoder.spatial
        self.block = layout.block
        self.latent_shape = (model.autoencoder.channels, height // spatial, width // spatial)
        rope = dict(settings.advanced).get("rope_mode", self.profile.rope)
        cache = SegmentedKVCache(
            layout,
            device=model.net.device,
            dtype=model.net.dtype,
            rope=rope,
            sink_similarity=self.profile.sink_similarity,
        )
        self.rollout = BlockRollout(
            model.net,
            cache,
            RolloutSettings(
                self.profile.schedule(settings.steps),
                self.profile.prediction,
                self.profile.context_noise,
                self.profile.clean_pass,
            ),
            self.styles.policy(model.autoencoder.temporal),
        )
        if settings.compile:
            for block in model.net.blocks:
                compile_in_place(block, dynamic=None)  # the cache grows until its window is full
        self._strength, self._seed = f"{node_id}.strength", f"{node_id}.seed"
        self._lora_strength = f"{model_node_id}.lora_strength"
        self.live_parameters = (
            LiveParameter(self._strength, "float", settings.strength, 0.0, 1.0, late=True),
            LiveParameter(self._seed, "int", settings.seed, 0, 2**53 - 1),
            *self.styles.live_parameters,
            *live_lora(self._lora_strength, model.lora, model.lora_strength),
        )
        self.reset()

    def reset(self) -> None:
        """A new clip: nothing of the last one stays."""
        self._encoder.reset()
        self._decoder.reset()
        self.styles.reset()
        self.rollout.reset()
        self._cuts = CutDetector()
        self._motion = MotionNoiseController(self.profile.motion_sensitivity)
        self._sourced = False
        self._waiting: torch.Tensor | None = None
        self._latents = 0

    def release_caches(self) -> None:
        """Drop the encoded conditions."""
        self.styles.release()

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self.styles.switches(chunk)

    def prepare(self, chunk: Chunk) -> Prepared | None:
        """None while the autoencoder has not seen enough to encode a block."""
        frames = chunk.frames
        cuts: tuple[int, ...] = ()
        if frames is not None:
            self._sourced = True
            self._motion.look(frames.pixels)
            if self.styles.timeline.watches_cuts:
                cuts = self._cuts.cuts(frames.pixels)
        encoded = self.styles.advance(chunk.index, chunk.first_frame, self._times(chunk), cuts, chunk.live)
        source = None
        if self._sourced:
            pixels = None if frames is None else torch.from_numpy(frames.pixels)
            source = self._next_source(
                self._encoder.flush() if pixels is None else self._encoder.encode_chunk(pixels)
            )
            if source is None:
                return None
        first, self._latents = self._latents, self._latents + self.block
        return Prepared(encoded, source, first, int(chunk.live[self._seed]), self._motion.reduction)

    def step(self, prepared: Prepared | None, late: Mapping[str, Any]) -> torch.Tensor | None:
        """Denoise a block; ``strength`` goes from the source to the model's picture."""
        if prepared is None:
            return None
        if self.model.lora is not None:
            self.model.lora.turn(float(late[self._lora_strength]))
        self.rollout.switch(prepared.encoded)
        strength, source = float(late[self._strength]), prepared.source
        start, schedule = self._noise(prepared, 0), None
        if source is not None and self.profile.injection == "sdedit":
            scale = max(0.0, self.profile.noise_scale - prepared.motion) * strength
            if scale == 0.0:
                return source.float()
            schedule = start_at(self._schedule, scale, self.profile.noise_offset)
            shown = self._encoder.denormalise(source) if self.profile.source_space == "raw" else source
            start = renoise(shown.float()[None], start, scale)
        stacked = None
        if self.profile.injection == "channel":
            assert source is not None
            stacked = source[None]
        made = self.rollout.step(start, lambda step: self._noise(prepared, step + 1), stacked, schedule)[0]
        return made if stacked is None else torch.lerp(source.float(), made, strength)

    def finish(self, stepped: torch.Tensor | None) -> np.ndarray:
        if stepped is None:
            return np.empty((0, *self.size, 3), np.uint8)
        return self._decoder.decode_chunk(stepped).cpu().numpy()

    @property
    def _schedule(self) -> FlowMatchSchedule:
        return self.rollout.settings.schedule

    def _times(self, chunk: Chunk) -> tuple[Fraction, ...]:
        """Seconds of the chunk's frames; none for a chunk that only brings out what is held back."""
        if chunk.frames is not None:
            return chunk.frames.pts
        rate = Fraction(self.settings.fps or self.model.fps).limit_denominator(1001)
        return tuple(
            Fraction(frame) / rate for frame in range(chunk.first_frame, chunk.first_frame + chunk.valid)
        )

    def _next_source(self, latents: torch.Tensor) -> torch.Tensor | None:
        """The latents of the next block, once there are as many."""
        waiting = latents if self._waiting is None else torch.cat([self._waiting, latents])
        if len(waiting) < self.block:
            self._waiting = waiting
            return None
        self._waiting = waiting[self.block :]
        return waiting[: self.block]

    def _noise(self, prepared: Prepared, draw: int) -> torch.Tensor:
        """(1, n, C, h, w), keyed by seed, latent frame and step."""
        noise = frame_noise(
            self.latent_shape,
            seed=prepared.seed * DRAWS + draw,
            first_frame=prepared.first,
            count=self.block,
            policy="fresh",
            dtype=torch.float32,
        )
        return noise[None].to(self.model.net.device)

    def _text(self, recipe: ConditioningRecipe, prompt: str) -> torch.Tensor:
        config = self.model.net.config
        if recipe.external is not None:
            return fit_external(recipe.external, self.profile.text_length, config.text_dim).to(
                self.model.net.device
            )
        if self.model.text is None:
            raise SettingError(
                "prompt can't be read, this checkpoint has no text encoder: connect conditioning from "
                "ComfyUI's own (CLIPTextEncode with umt5_xxl) and empty the prompt."
            )
        return self.model.text.encode(prompt, self.model.net.device)

"""Drives an MLLM-edit model over a stream: conditioning and source ahead, then a few denoising steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...conditioning.mllm import Conditioning
from ...conditioning.recipe import ConditioningRecipe
from ...errors import SettingError
from ...sampling.flow_match import FlowMatchSchedule
from ...sampling.noise import frame_noise
from ..base import Chunk, DenoiseSettings, LiveParameter, Runner

if TYPE_CHECKING:
    from .model import MLLMEditModel

PROMPT_LIMIT = 4000  # characters; the token limit is the model's own and usually far lower


@dataclass(frozen=True)
class Prepared:
    """All that the main lane needs for one chunk.

    Attributes:
        source: latents of the source frames (N, C, h, w); zeros generate.
        noise: (N, C, h, w).
        conditioning: states for N frames.
    """

    source: torch.Tensor
    noise: torch.Tensor
    conditioning: Conditioning


class MLLMEditRunner(Runner):
    """One stream through one model (arXiv 2606.05981, section III-C: encode ahead, denoise a batch)."""

    def __init__(
        self,
        model: MLLMEditModel,
        settings: DenoiseSettings,
        recipe: ConditioningRecipe,
        *,
        node_id: str,
        width: int,
        height: int,
    ) -> None:
        if recipe.references:
            raise SettingError(
                "references: MLLM-edit models follow words only, disconnect the style pictures."
            )
        self.model, self.settings, self.recipe = model, settings, recipe
        self.requirements = model.requirements(settings)
        spatial = model.autoencoder.spatial
        self.latent_shape = (model.autoencoder.channels, height // spatial, width // spatial)
        tokens = self.latent_shape[1] * self.latent_shape[2] // 4
        self.schedule = FlowMatchSchedule.from_config(model.scheduler, settings.steps, tokens)
        self._strength, self._seed = f"{node_id}.strength", f"{node_id}.seed"
        self._prompt = f"{recipe.node_id}.prompt"
        self.live_parameters = (
            LiveParameter(self._strength, "float", settings.strength, 0.0, 1.0, late=True),
            LiveParameter(self._seed, "int", settings.seed, 0, 2**63 - 1),
            LiveParameter(
                self._prompt, "text", recipe.prompt, maximum=PROMPT_LIMIT, check=model.encoder.token_ids
            ),
        )
        self.reset()

    def reset(self) -> None:
        """A new clip: nothing of the last one's conditioning stays."""
        self._cached: tuple[str, Conditioning] | None = None
        self._since_refresh = 0

    def on_switch(self, live: Mapping[str, Any]) -> None:
        """Nothing to do: every chunk carries its own conditioning."""

    def release_caches(self) -> None:
        """Drop the cached text states."""
        self.reset()

    def prepare(self, chunk: Chunk) -> Prepared:
        unet = self.model.denoiser.unet
        count = self.requirements.steady
        noise = frame_noise(
            self.latent_shape,
            seed=int(chunk.live[self._seed]),
            first_frame=chunk.first_frame,
            count=count,
            policy=self.settings.noise,
            dtype=torch.float32,
        ).to(unet.device)
        frames = None if chunk.frames is None else torch.from_numpy(chunk.frames.pixels)
        conditioning = self._condition(str(chunk.live[self._prompt]), frames, count)
        if frames is None:
            source = torch.zeros_like(noise, dtype=unet.dtype)
        else:
            source = self.model.autoencoder.encode_chunk(frames)
        return Prepared(source, noise, conditioning)

    def step(self, prepared: Prepared, late: Mapping[str, Any]) -> torch.Tensor:
        """Denoise, then go from the source's latent to the edit's by ``strength``."""
        edited = self.model.denoiser.sample(
            prepared.noise, prepared.source, prepared.conditioning, self.schedule
        )
        return torch.lerp(prepared.source.float(), edited, float(late[self._strength]))

    def finish(self, stepped: torch.Tensor) -> np.ndarray:
        return self.model.autoencoder.decode_chunk(stepped).cpu().numpy()

    def _condition(self, prompt: str, frames: torch.Tensor | None, count: int) -> Conditioning:
        """Encode anew when the prompt changed or ``te_refresh_every`` chunks have passed."""
        if self.recipe.external is not None:
            return self._external(count)
        recipe = self.recipe
        due = recipe.te_refresh_every > 0 and self._since_refresh >= recipe.te_refresh_every
        if self._cached is None or self._cached[0] != prompt or due:
            shown = frames[:1] if frames is not None and recipe.te_batch_one else frames
            self._cached = (prompt, self.model.encoder.encode(prompt, shown))
            self._since_refresh = 0
        self._since_refresh += 1
        conditioning = self._cached[1]
        return conditioning if len(conditioning.states) == count else conditioning.expand(count)

    def _external(self, count: int) -> Conditioning:
        """A core CONDITIONING: its tensor as it is, padded to the fixed context."""
        states = self.recipe.external[0][0]
        unet, length = self.model.denoiser.unet, self.model.profile.context_length
        wanted = unet.config.encoder_hid_dim
        if states.ndim != 3 or states.shape[-1] != wanted or states.shape[1] > length:
            raise SettingError(
                f"conditioning is {tuple(states.shape)}, this model needs (1, up to {length}, {wanted}): "
                "use its own text encoder."
            )
        padded = torch.zeros(1, length, wanted, dtype=unet.dtype, device=unet.device)
        padded[:, : states.shape[1]] = states[:1].to(padded)
        mask = (torch.arange(length, device=unet.device) < states.shape[1]).long()[None]
        return Conditioning(padded, mask).expand(count)

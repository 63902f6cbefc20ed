"""Drives an MLLM-edit model over a stream: conditioning, source and motion ahead, then a few steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...conditioning.external import fit_external
from ...conditioning.states import TextStates
from ...conditioning.timeline import AnyConditioning, Switch
from ...motion.noise import StreamNoise
from ...motion.scene import CutDetector
from ...networks.cross_attention import CrossAttentionKV, KVProjection
from ...networks.cuda_graphs import Graphs
from ...sampling.flow_match import FlowMatchSchedule
from ...transfers import download, upload
from ..base import Chunk, Runner, live_basics, live_lora
from ..compiling import set_compiled
from ..crossing import Crossing
from ..family import StreamRequest
from ..style_schedule import StyleSchedule
from .adapters import AdapterContext, AdapterRefresh, AdapterStack
from .denoiser import Denoiser
from .guidance import Guidance
from .model import MLLMEditModel
from .state import StreamState
from .styles import FrameStyles


@dataclass(frozen=True)
class EncodedChunk:
    """All that ``denoise`` needs for one chunk.

    Attributes:
        source: latents of the source frames (N, C, h, w); zeros generate.
        noise: (N, C, h, w).
        text: states for N frames, or one row for all of them.
        empty: states of no instruction for the same frames, where the model is guided.
        renewals: what each adapter is shown for it.
    """

    source: torch.Tensor
    noise: torch.Tensor
    text: TextStates
    empty: TextStates | None
    renewals: tuple[AdapterRefresh | None, ...]


class MLLMEditRunner(Runner):
    """One stream through one model (arXiv 2606.05981, section III-C: encode ahead, denoise a batch).

    Attributes:
        state: all that the stream remembers.
    """

    def __init__(self, model: MLLMEditModel, request: StreamRequest) -> None:
        settings, node_id = request.settings, request.node_id
        width, height = request.width, request.height
        self.model, self.settings = model, settings
        self.requirements = model.requirements(settings)
        self.styles = StyleSchedule(
            request.conditioning,
            check=model.encoder.token_ids,
            words_only="MLLM-edit models follow words only",
            embeddings=(model.profile.context_length, model.denoiser.unet.config.encoder_hid_dim),
        )
        spatial = model.autoencoder.spatial
        self.latent_shape = (model.autoencoder.channels, height // spatial, width // spatial)
        self._kv = KVProjection(model.denoiser.unet)
        self.stack = AdapterStack(
            Denoiser(self._kv.unet, model.profile),
            model.adapters,
            count=self.requirements.chunk_frames,
            width=width,
            height=height,
        )
        self.denoiser = self.stack.denoiser
        set_compiled([self.denoiser], settings.compile)
        self._graphs = Graphs([self.denoiser], settings.compile)
        tokens = self.latent_shape[1] * self.latent_shape[2] // 4
        self.schedule = FlowMatchSchedule.from_config(model.scheduler, settings.steps, tokens)
        strength, seed = live_basics(node_id, settings)
        self._strength, self._seed = strength.key, seed.key
        self._lora_strength = f"{request.model_node_id}.lora_strength"
        self.live_parameters = (
            strength,
            seed,
            *self.styles.live_parameters,
            *self.stack.live_parameters,
            *live_lora(self._lora_strength, model.lora, model.lora_strength),
        )
        self.crossing = Crossing()
        self.reset()

    def reset(self) -> None:
        model, settings, needs = self.model, self.settings, self.requirements
        styles = FrameStyles(
            self.styles,
            self._encode_text,
            self._external,
            count=needs.chunk_frames,
            fps=settings.fps or model.fps,
        )
        noise = StreamNoise(settings.noise, self.latent_shape, self.denoiser.unet.dtype, settings.flow)
        self.state = StreamState(styles, CutDetector(), noise, self.stack.clocks())

    def release_caches(self) -> None:
        """Drop the cached text states, and graphs."""
        self._graphs.clear()
        self.reset()

    def encode(self, chunk: Chunk) -> EncodedChunk:
        unet = self.denoiser.unet
        count = self.requirements.chunk_frames
        self.crossing.chunks += 1
        pixels = None if chunk.frames is None else chunk.frames.pixels
        cuts = self.state.cuts.cuts(pixels) if pixels is not None and self._watches_cuts else ()
        pts = None if chunk.frames is None else chunk.frames.pts
        moments = self.state.styles.advance(chunk.index, chunk.first_frame, pts, cuts, chunk.live)
        prompt = self.state.styles.instruction(moments, chunk.live)
        # motion first: other threads find it while this one encodes
        motion = self.state.noise.look(self.state.last_frame, pixels)
        renewals = self._renewals(pixels, cuts[0] if cuts else None, prompt)
        if any(renewal is not None for renewal in renewals):
            self.state.refreshes.append(chunk.index)
        autoencoder, encoder = self.model.autoencoder, self.model.encoder
        frames = shown = None if pixels is None else torch.from_numpy(pixels)
        if frames is not None:
            frames = upload(frames, autoencoder.place[0])
            if encoder.device == frames.device:
                shown = frames
        text = self.state.styles.condition(moments, chunk.live, shown)
        drawn = self.state.noise.draw(
            seed=int(chunk.live[self._seed]),
            first_frame=chunk.first_frame,
            count=count,
            motion=motion,
            cuts=cuts,
        )
        noise = upload(drawn, unet.device)
        if frames is None:
            source = torch.zeros_like(noise, dtype=unet.dtype)
        else:
            source = self.crossing.take(autoencoder.encode_chunk(frames), unet.device)
        empty = self._encode_text(None, shown) if self.model.profile.guided else None
        return EncodedChunk(source, noise, text, empty, renewals)

    def denoise(self, encoded: EncodedChunk, late: Mapping[str, Any]) -> torch.Tensor:
        """Denoise, then go from the source's latent to the edit's by ``strength``."""
        self.stack.apply(encoded.renewals, self._last_output, late)
        if self.model.lora is not None:
            self.model.lora.turn(float(late[self._lora_strength]))
        kv = self._project(encoded.text)
        guidance = self._guidance(encoded.empty)
        edited = self.denoiser.sample(
            encoded.noise, encoded.source, kv, self.schedule, guidance, self._evaluate
        )
        self.state.output = edited[-1:].clone()
        return torch.lerp(encoded.source.float(), edited, float(late[self._strength]))

    def _evaluate(
        self, x: torch.Tensor, source: torch.Tensor, sigma: torch.Tensor, text: TextStates
    ) -> torch.Tensor:
        def run(x: torch.Tensor, source: torch.Tensor, sigma: torch.Tensor, states: Any, mask: Any) -> Any:
            return self.denoiser(x, source, sigma, CrossAttentionKV(states, mask))

        return self._graphs(run, x, source, sigma, constants=(text.states, text.mask))

    def decode(self, denoised: torch.Tensor) -> np.ndarray:
        return download(self._decoded(denoised))

    def restyle(self, conditioning: AnyConditioning) -> None:
        self.styles.restyle(conditioning)

    def switches(self, chunk: int) -> tuple[Switch, ...]:
        return self.state.styles.switches(chunk)

    @property
    def _watches_cuts(self) -> bool:
        follows_motion = bool(self.stack.adapters) or self.settings.noise == "flow_warped"
        return follows_motion or self.styles.timeline.watches_cuts

    def _renewals(
        self, pixels: np.ndarray | None, cut: int | None, prompt: str
    ) -> tuple[AdapterRefresh | None, ...]:
        """What the adapters are shown for this chunk, and what the next chunk starts from."""
        arrival = AdapterContext(
            before=self.state.last_frame,
            pixels=pixels,
            count=self.requirements.chunk_frames,
            cut=cut,
            first=self.state.prompt is None,
            prompted=self.state.prompt != prompt,
        )
        self.state.prompt = prompt
        self.state.last_frame = None if pixels is None else pixels[-1].copy()
        return self.stack.decide(arrival, self.state.clocks)

    def _last_output(self) -> torch.Tensor:
        """The last frame of the edit so far, before ``strength``: (1, 3, H, W) in -1..1."""
        assert self.state.output is not None
        pixels = self.crossing.take(self._decoded(self.state.output), self.denoiser.unet.device)
        return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0

    def _decoded(self, latents: torch.Tensor) -> torch.Tensor:
        """uint8 RGB (N, H, W, 3) on the autoencoder's device."""
        autoencoder = self.model.autoencoder
        device, dtype = autoencoder.place
        return autoencoder.decode_chunk(self.crossing.take(latents.to(dtype), device))

    def _encode_text(self, prompt: str | None, frames: torch.Tensor | None) -> TextStates:
        """States on the U-Net's device."""
        return self.crossing.states(self.model.encoder.encode(prompt, frames), self.denoiser.unet.device)

    def _project(self, text: TextStates) -> CrossAttentionKV:
        """Denoise lane: keys and values of the text for every frame; of the same states, those of before."""
        strength = self.model.lora.strength if self.model.lora is not None else 0.0
        known = self.state.kv
        if known is None or known[0] is not text or known[1] != strength:
            known = self.state.kv = (text, strength, self._projection(text))
        return known[2]

    def _guidance(self, empty: TextStates | None) -> Guidance | None:
        if empty is None:
            return None
        profile = self.model.profile
        return Guidance(self._projection(empty), profile.guidance, profile.image_guidance)

    def _projection(self, text: TextStates) -> CrossAttentionKV:
        projected = self._kv.project(text)
        count = self.requirements.chunk_frames
        return projected if len(projected.states) == count else projected.expand(count)

    def _external(self, external: Any) -> TextStates:
        """A core CONDITIONING: its tensor as it is, padded to the fixed context."""
        unet, length = self.denoiser.unet, self.model.profile.context_length
        states = fit_external(external, length, unet.config.encoder_hid_dim).to(unet.device, unet.dtype)
        mask = (torch.arange(length, device=unet.device) < external[0][0].shape[1]).long()[None]
        return TextStates(states, mask)

"""The loaded parts of an MLLM-edit checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from ...autoencoders.image import ImageAutoencoder
from ...conditioning.mllm import MLLMEncoder
from ...errors import SettingError
from ...networks.lora import Lora
from ...sampling.noise import POLICIES
from ..base import DenoiseSettings, Requirements, TemporalAdapter
from ..devices import Part
from ..parted_model import PartedModel
from .adapter_memory import adapter_values
from .denoiser import Denoiser
from .profile import FAMILY, Profile

MAX_CHUNK = 32


@dataclass(frozen=True)
class QuantisationError:
    """Relative RMS difference to the unquantised model, on one fixed picture and instruction.

    Attributes:
        states: of the text encoder's states.
        latent: of the U-Net's prediction from pure noise, given equal states.
    """

    states: float
    latent: float

    def __str__(self) -> str:
        return f"fp8 changes the text states by {self.states:.1%} and the edited latent by {self.latent:.1%}"


@dataclass(frozen=True)
class MLLMEditModel(PartedModel):
    """Weights only; streams keep their state in runners.

    Attributes:
        denoiser: the edit U-Net (arXiv 2606.05981, section III).
        encoder: Qwen3-VL and its template.
        autoencoder: frame by frame, 8x smaller.
        scheduler: config of diffusers' ``FlowMatchEulerDiscreteScheduler``.
        adapters: what runners put on the U-Net.
        lora: the LoRA on the U-Net, if there is one.
        lora_strength: how strongly runners let it act at first.
        quantised: the error of fp8 weights, where they are.
    """

    denoiser: Denoiser
    encoder: MLLMEncoder
    autoencoder: ImageAutoencoder
    scheduler: Mapping[str, Any]
    profile: Profile
    adapters: tuple[TemporalAdapter, ...] = ()
    lora: Lora | None = None
    lora_strength: float = 1.0
    quantised: QuantisationError | None = None
    family: str = FAMILY

    @property
    def fps(self) -> float:
        return self.profile.fps

    @property
    def remark(self) -> str:
        remarks = [] if self.quantised is None else [str(self.quantised)]
        if self.lora is not None and self.lora.remark:
            remarks.append(self.lora.remark)
        if self.profile.guided:
            text, image = self.profile.guidance, self.profile.image_guidance
            remarks.append(
                f"guidance {text:g} on the prompt, {image:g} on the source: "
                "three evaluations a step, made for 28 steps"
            )
        return "; ".join(remarks)

    def patched(self, patches: tuple[TemporalAdapter, ...]) -> MLLMEditModel:
        return replace(self, adapters=patches)

    def with_lora(self, strength: float) -> MLLMEditModel:
        return replace(self, lora_strength=strength)

    def parts(self) -> dict[Part, tuple[nn.Module, ...]]:
        return {
            "denoiser": (self.denoiser.unet,),
            "text_encoder": (self.encoder.model,),
            "autoencoder": (self.autoencoder.model,),
        }

    def working_bytes(self, settings: DenoiseSettings, width: int, height: int) -> dict[Part, int]:
        """What every lane works with at once: the encoders', tokens of the U-Net, text, and the adapters.

        Counted by a dry run (docs/gpu.md): denoising holds six times the U-Net's widths for each of its
        latents; text of two chunks, whose keys and values a CUDA graph copies, is there for every frame.
        """
        unet, frames = self.denoiser.unet, self.requirements(settings).chunk_frames
        spatial = self.autoencoder.spatial
        planes = width * height * self.autoencoder.working_values(frames)
        tokens = 6 * (width // spatial) * (height // spatial) * sum(unet.config.block_out_channels)
        keys = sum(part.to_k.out_features for name, part in unet.named_modules() if name.endswith(".attn2"))
        copies = 3 if settings.compile else 2
        text = self.profile.context_length * (copies * 2 * keys + 3 * unet.config.encoder_hid_dim)
        adapters = sum(adapter_values(Path(each.path), frames, height, width) for each in self.adapters)
        item = unet.dtype.itemsize
        values = {
            "denoiser": frames * (tokens + text) + adapters,
            "text_encoder": self.encoder.working_values(frames),
            "autoencoder": planes,
        }
        return {part: count * item for part, count in values.items()}

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        chunk = settings.chunk or self.profile.chunk
        if not 1 <= chunk <= MAX_CHUNK:
            raise SettingError(
                f"chunk {chunk} is out of range: 1 to {MAX_CHUNK} frames, or 0 for the model's own."
            )
        if settings.noise not in POLICIES:
            raise SettingError(f"noise {settings.noise!r} is unknown: choose {' or '.join(POLICIES)}.")
        if settings.steps < 1:
            raise SettingError("steps must be at least 1.")
        levels = len(self.denoiser.unet.config.block_out_channels) - 1
        return Requirements(chunk, chunk, self.autoencoder.spatial * 2**levels, needs_source=False)

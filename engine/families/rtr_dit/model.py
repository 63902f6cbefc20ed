"""The loaded parts of a causal video checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from ...autoencoders.video import VideoAutoencoder
from ...cache.layout import CacheLayout
from ...errors import SettingError
from ...networks.causal_wan import CausalWan
from ...networks.causal_wan.config import PATCH
from ...networks.lora import Lora
from ...sampling.mask_cache import MaskCache
from ..base import DenoiseSettings, Requirements
from ..devices import Part
from ..parted_model import PartedModel
from .checkpoint import FAMILY
from .profile import Profile
from .text import OwnText, PaddedText

LARGEST_BLOCK = 8

LARGE = 2_000_000_000
"""Bytes of a text encoder from which artists are told of a smaller one."""


@dataclass(frozen=True)
class RTRDiTModel(PartedModel):
    """Weights only; streams keep their state in runners.

    Attributes:
        text: the checkpoint's text encoder or the host's; None where there is neither.
        lora: the LoRA on the network, if any.
        lora_strength: how strongly runners let it act at first.
    """

    net: CausalWan
    text: PaddedText | None
    autoencoder: VideoAutoencoder
    profile: Profile
    lora: Lora | None = None
    lora_strength: float = 1.0
    family: str = FAMILY

    @property
    def fps(self) -> float:
        return self.profile.fps

    @property
    def remark(self) -> str:
        remarks = [] if self.lora is None else [self.lora.remark]
        if isinstance(self.text, OwnText) and self.text.lent_bytes > LARGE:
            remarks.append(
                f"A new prompt takes {self.text.lent_bytes / 1e9:.0f} GB for a moment: ComfyUI's own text "
                "encoder in fp8 takes half (umt5_xxl_fp8_e4m3fn_scaled in models/text_encoders)."
            )
        return " ".join(filter(None, remarks))

    def with_lora(self, strength: float) -> RTRDiTModel:
        return replace(self, lora_strength=strength)

    def parts(self) -> dict[Part, tuple[nn.Module, ...]]:
        """A text encoder that offloads itself is none of the memory management's business."""
        own = isinstance(self.text, OwnText) and not self.text.offload
        text = (self.text.encoder.model,) if own else ()
        return {**self._halves(), "text_encoder": text, "autoencoder": (self.autoencoder.model,)}

    def _halves(self) -> dict[Part, tuple[nn.Module, ...]]:
        """The network; where it is on two devices, all up to the middle block and the head, and the rest."""
        if self.devices is None or self.devices.second_half is None:
            return {"denoiser": (self.net,)}
        blocks = tuple(self.net.blocks)
        others = (part for name, part in self.net.named_children() if name != "blocks")
        middle = len(blocks) // 2
        return {"denoiser": (*others, *blocks[:middle]), "second_half": blocks[middle:]}

    def block(self, settings: DenoiseSettings) -> int:
        """Latent frames of a block; raises SettingError where chunk is no multiple of a latent frame."""
        temporal = self.autoencoder.temporal
        block = settings.chunk // temporal or self.profile.block
        if settings.chunk % temporal or block > LARGEST_BLOCK:
            raise SettingError(
                f"chunk is {settings.chunk}: use a multiple of {temporal} up to {temporal * LARGEST_BLOCK}, "
                "or 0 for the model's own."
            )
        return block

    def cache_rows(self, settings: DenoiseSettings) -> int:
        """Stream-batch has a row of the cache for each step; everything else has one row."""
        batched = dict(settings.advanced).get("stream_batch")
        if batched and (
            self.profile.first_steps or self.profile.rolling or self.profile.sampler != "renoise"
        ):
            raise SettingError("This model's steps can't run in one batch: turn stream_batch off.")
        return self.profile.schedule(settings.steps).steps if batched else 1

    def mask_share(self, settings: DenoiseSettings) -> float:
        """Share of the picture whose self-attention the middle steps work out; 0 is all of it, kept nowhere.

        Raises:
            SettingError: the model or the other settings leave nothing to spare.
        """
        expert = dict(settings.advanced)
        share = float(expert.get("mask_cache", 0.0))
        if share and self.devices is not None and self.devices.second_half is not None:
            raise SettingError("mask_cache needs the model on one card: set it to 0, or choose one device.")
        if share and self.profile.injection != "channel":
            raise SettingError("mask_cache is for models that edit a source, as LiveEdit does: set it to 0.")
        if share and expert.get("stream_batch"):
            raise SettingError("mask_cache and stream_batch don't go together: set one of them to off or 0.")
        if share and self.profile.schedule(settings.steps).steps < 3:
            raise SettingError(
                "mask_cache acts between the first and the last step: use 3 steps, or set it to 0."
            )
        return share

    def in_window(self, settings: DenoiseSettings) -> int:
        """Blocks that are denoised at once."""
        return self.profile.schedule(settings.steps).steps if self.profile.rolling else 1

    def layout(self, settings: DenoiseSettings, width: int, height: int, references: int = 0) -> CacheLayout:
        """Sizes of a stream's cache.

        Args:
            references: reference pictures that must fit in together.

        Raises:
            SettingError: the window or the room for references is too small.
        """
        config, profile, expert = self.net.config, self.profile, dict(settings.advanced)
        side = self.autoencoder.spatial * PATCH
        block = self.block(settings) * self.in_window(settings)
        sink = expert.get("cache_sink", profile.sink)
        window = expert.get("cache_window", max(profile.window, sink + block + self.block(settings)))
        if window < sink + block:
            raise SettingError(f"cache_window is {window}: use {sink + block} or more (sink and one block).")
        if profile.sink_average and (sink != block or (window - sink) % block):
            raise SettingError(
                f"This model averages the blocks that leave into its sink: set chunk to 0 and cache_sink and "
                f"cache_window to auto, or cache_sink to {block} and cache_window to a multiple of it."
            )
        if profile.sink_average and expert.get("rope_mode") == "absolute":
            raise SettingError("This model averages keys of different positions: set rope_mode to auto.")
        if profile.bank and expert.get("rope_mode") == "relative":
            raise SettingError(
                "This model's bank keeps frames at their own positions: set rope_mode to auto."
            )
        room = 0 if profile.bank else expert.get("cache_reference", references)
        if room < references:
            raise SettingError(f"cache_reference is {room}: use {references} or more, or fewer references.")
        return CacheLayout(
            config.layers,
            config.heads,
            config.head_width,
            (width // side) * (height // side),
            block,
            window,
            sink,
            room,
            profile.bank,
        )

    def working_bytes(self, settings: DenoiseSettings, width: int, height: int) -> dict[Part, int]:
        """For every row the cache and the widest layer for a block, and the autoencoder's work on a chunk.

        A CUDA graph has a copy of the text's keys and values.
        A text encoder that is lent to the device for a new prompt comes in the middle of all that.
        """
        item = self.net.patch_embedding.weight.element_size()
        expert = dict(settings.advanced)
        room = expert.get("cache_reference", 2 * self.profile.references)
        precision = expert.get("cache_precision", "native")
        layout = self.layout(settings, width, height, room)
        rows, tokens = self.cache_rows(settings), layout.block * layout.tokens
        widest = tokens * (self.net.config.ffn_dim + 8 * self.net.config.dim) * item
        frames = layout.block * self.autoencoder.temporal
        planes = width * height * self.autoencoder.working_values(frames) * item
        cache = layout.bytes(rows, item, precision)
        if precision == "fp8":  # a layer is turned back into the network's format while it is attended to
            cache += layout.bytes(rows, item) // layout.layers
        if settings.compile:
            cache += 2 * layout.layers * self.profile.text_length * self.net.config.dim * item
        text = 0 if self.text is None else self.text.lent_bytes
        config = self.net.config
        masks = MaskCache.bytes(config.layers, config.dim, tokens, item) if self.mask_share(settings) else 0
        working: dict[Part, int] = {"denoiser": rows * widest + masks + cache}
        if self.devices is not None and self.devices.second_half is not None:
            half = cache * (layout.layers - layout.layers // 2) // layout.layers
            working = {"denoiser": rows * widest + cache - half, "second_half": rows * widest + half}
        return {**working, "text_encoder": text, "autoencoder": planes}

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        """A chunk is a block; the first latent frame of a stream holds one picture only.

        Noise is always drawn for each latent frame: equal noises are nothing these networks know.
        """
        settings.require_noise_per_frame("causal video models")
        steps = self.profile.schedule(settings.steps).steps
        batched = dict(settings.advanced).get("stream_batch")
        in_flight = steps - 1 if batched or self.profile.rolling else 0
        block, temporal = self.block(settings), self.autoencoder.temporal
        return Requirements(
            first=1 + temporal * (block - 1),
            chunk_frames=temporal * block,
            multiple=self.autoencoder.spatial * PATCH,
            needs_source=self.profile.injection != "sdedit",
            delay=(1 if self.autoencoder.lookahead else 0) + in_flight,
        )

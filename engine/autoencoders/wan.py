"""The VAEs of Wan 2.1 and 2.2 on a stream: diffusers' ``AutoencoderKLWan``, its caches as explicit state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d, patchify, unpatchify
from einops import rearrange
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..errors import CheckpointError, one_line
from .latents import LatentFormat
from .video import VideoAutoencoder
from .wan_layouts import diffusers_names, sizes


class WanAutoencoder(VideoAutoencoder):
    """The encoder sees one frame, then groups of ``temporal``; the decoder one latent at a time.

    diffusers empties its caches at every call, so that each call is a clip of its own. Here the
    caches (the last frames in front of each causal convolution) are handed from chunk to chunk.
    The latent is the posterior's mean, normalised. Wan 2.2 sees squares of pixels as channels.
    """

    lookahead = 0

    def __init__(self, model: AutoencoderKLWan) -> None:
        super().__init__()
        config = model.config
        self.model = model
        self.latent_format = LatentFormat(tuple(config.latents_mean), tuple(config.latents_std))
        self.spatial, self.temporal = config.scale_factor_spatial, config.scale_factor_temporal
        self.channels, self._patch = config.z_dim, config.patch_size or 1

    def working_values(self, frames: int) -> int:
        """The same for any number: ``temporal`` of them are worked on at a time, two kept at every layer."""
        config = self.model.config
        widths = 55 * config.base_dim + 90 * (config.decoder_base_dim or config.base_dim)
        return widths * (5 if config.is_residual else 4) // 4 // self._patch**2

    def _encode(self, pixels: torch.Tensor, first: bool) -> torch.Tensor:
        clip = rearrange(pixels if self.unit_pixels else pixels * 2.0 - 1.0, "t c h w -> 1 c t h w")
        clip = patchify(clip, self._patch)
        cache = _continued(self.model.encoder, self._state.encoder)
        moments = []
        for group in _groups(clip, first, self.temporal):
            moments.append(self.model.encoder(group, feat_cache=cache, feat_idx=[0]))
        self._state = replace(self._state, encoder=tuple(cache))
        mean = self.model.quant_conv(torch.cat(moments, dim=2))[:, : self.channels]
        return self.normalise(rearrange(mean, "1 c t h w -> t c h w")).to(pixels.dtype)

    def _decode(self, latents: torch.Tensor, first: bool) -> torch.Tensor:
        raw = rearrange(self.denormalise(latents).to(self.place[1]), "t c h w -> 1 c t h w")
        hidden = self.model.post_quant_conv(raw)
        cache = _continued(self.model.decoder, self._state.decoder)
        frames = []
        for index, latent in enumerate(hidden.split(1, dim=2)):
            starts = first and index == 0
            frames.append(self.model.decoder(latent, feat_cache=cache, feat_idx=[0], first_chunk=starts))
        self._state = replace(self._state, decoder=tuple(cache))
        shown = rearrange(unpatchify(torch.cat(frames, dim=2), self._patch), "1 c t h w -> t c h w")
        return shown if self.unit_pixels else shown * 0.5 + 0.5


def _groups(clip: torch.Tensor, first: bool, size: int) -> list[torch.Tensor]:
    """The frames of (1, C, T, H, W) as the encoder takes them: one alone at first, then ``size`` each."""
    alone = [clip[:, :, :1]] if first else []
    rest = clip[:, :, len(alone) :]
    return alone + (list(rest.split(size, dim=2)) if rest.shape[2] else [])


def _continued(part: nn.Module, cache: tuple[Any, ...]) -> list[Any]:
    """A list that diffusers may write into: one slot for each causal convolution, None at the start."""
    return list(cache) or [None for module in part.modules() if isinstance(module, WanCausalConv3d)]


def load_wan(path: Path, dtype: torch.dtype) -> WanAutoencoder:
    """Load a diffusers folder, or a ``.safetensors`` file with diffusers' or the original key names.

    Raises:
        CheckpointError: files are missing, damaged, or of another layout.
    """
    try:
        if path.is_dir():
            model = AutoencoderKLWan.from_pretrained(
                path, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
            )
        else:
            tensors = diffusers_names(load_file(path))
            model = AutoencoderKLWan(**sizes(tensors))
            model.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"Autoencoder {path.name} can't be read as Wan VAE: {one_line(error)}"
        ) from error
    return WanAutoencoder(model.requires_grad_(False).eval().to(dtype))

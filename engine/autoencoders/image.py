"""Frame-by-frame autoencoding with diffusers' ``AutoencoderTiny`` (TAESD and its like)."""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from safetensors import SafetensorError
from torch import nn

from ..errors import CheckpointError, one_line
from ..transfers import upload
from .base import StreamingAutoencoder
from .taesd import load_taesd


class ImageAutoencoder(StreamingAutoencoder):
    """No memory between frames, so a chunk is a batch.

    Latents are used as they come: DreamLite neither scales nor shifts them. A network of more than three
    channels at its ends works on patches (pixel unshuffle before it, shuffle after): no layer at full size.

    Attributes:
        patch: side in pixels of what the encoder takes for one; the decoder may have another.
    """

    temporal = 1

    def __init__(self, model: AutoencoderTiny) -> None:
        self.model = model
        for module in model.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = True  # nothing else reads what it is given
        config = model.config
        self.patch, self._shown = (math.isqrt(c // 3) for c in (config.in_channels, config.out_channels))
        self.spatial = self.patch * 2 ** (len(model.config.encoder_block_out_channels) - 1)
        self.channels = model.config.latent_channels

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        """Float pictures (N, 3, H, W) in -1..1 to latents (N, channels, H / spatial, W / spatial)."""
        patches = F.pixel_unshuffle(pictures, self.patch) if self.patch > 1 else pictures
        return self.model.encode(patches).latents

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents to float pictures (N, 3, H, W), nominally in -1..1."""
        patches = self.model.decode(latents).sample
        return F.pixel_shuffle(patches, self._shown) if self._shown > 1 else patches

    def encode_chunk(self, frames: torch.Tensor) -> torch.Tensor:
        device, dtype = self.place
        # a (N, H, W, 3) tensor permuted to (N, 3, H, W) is channels_last already
        return self.encode(upload(frames, device).permute(0, 3, 1, 2).to(dtype) / 127.5 - 1.0)

    def decode_chunk(self, latents: torch.Tensor) -> torch.Tensor:
        pictures = self.decode(latents.to(*self.place))
        pictures = (pictures.float() * 127.5 + 128.0).clamp_(0.0, 255.0)
        return pictures.to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def working_values(self, frames: int) -> int:
        config = self.model.config
        above, below = config.encoder_block_out_channels[0], config.decoder_block_out_channels[-1]
        planes = 3.0 if config.num_encoder_blocks[0] else 1.25
        encoding = planes * above / self.patch**2 + 9
        return math.ceil(frames * (encoding + max(3.25 * below / self._shown**2, 15)))

    def reset(self) -> None:
        """Nothing is remembered between frames."""


def load_image_autoencoder(path: Path, dtype: torch.dtype) -> ImageAutoencoder:
    """Load a diffusers folder that holds an ``AutoencoderTiny``, or TAESD's single files.

    Raises:
        CheckpointError: files are missing, damaged, or of another class.
    """
    model = _from_folder(path, dtype) if path.is_dir() else load_taesd(path, dtype)
    return ImageAutoencoder(model.requires_grad_(False).eval().to(memory_format=torch.channels_last))


def _from_folder(folder: Path, dtype: torch.dtype) -> AutoencoderTiny:
    try:
        return AutoencoderTiny.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, torch_dtype=dtype, low_cpu_mem_usage=False
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"Autoencoder {folder.name} can't be read, get it again: {one_line(error)}"
        ) from error

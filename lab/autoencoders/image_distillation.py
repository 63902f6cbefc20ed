"""``demo-image``: a cheaper ``AutoencoderTiny`` for the latents and the pictures of a teacher."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from torch import nn

from ...engine.autoencoders.image import ImageAutoencoder
from ..metrics.perceptual import EfficientNetLite0
from ..training.loop import LoopConfig, train
from .image_training import PERCEPTUAL, picture_error, psnr, texture_error

PATCH = 4  # pixels along the side of what the student's ends take and give for one
ADDED = 2  # blocks of the decoder at quarter size, for the teacher's at half size
SHARES = (0.25, 0.5, 0.25)  # of the variants: classical styles have the hard edges and the dots
NOISE = 0.03  # on the latents that the decoder learns from: a denoiser will write them


def lighter(teacher: AutoencoderTiny) -> AutoencoderTiny:
    """A network on patches of 4x4 pixels that starts with the teacher's weights: no layer at half size.

    Stages without blocks are linear, so what the teacher does in them is one convolution of patches. What its
    blocks did there the student has to learn. An end of the teacher that works on such patches is kept.
    """
    config = {name: value for name, value in teacher.config.items() if not name.startswith("_")}
    encoded, decoded = _fine_stages(config["in_channels"]), _fine_stages(config["out_channels"])
    kept = len(config["num_decoder_blocks"]) - decoded
    added = ADDED if any(config["num_decoder_blocks"][kept:]) else 0
    for name in ("encoder_block_out_channels", "num_encoder_blocks"):
        config[name] = config[name][encoded:]
    for name in ("decoder_block_out_channels", "num_decoder_blocks"):
        config[name] = config[name][:kept]
    *coarse, quarter = config["num_decoder_blocks"]
    config["num_decoder_blocks"] = (*coarse, quarter + added)
    config["in_channels"] = config["out_channels"] = 3 * PATCH**2
    student = AutoencoderTiny.from_config(config)
    before, after = list(student.encoder.layers), list(student.decoder.layers)
    above, below = list(teacher.encoder.layers), list(teacher.decoder.layers)
    taken = len(after) - 1 - added
    pairs = [
        *zip(before[1:], above[1 - len(before) :], strict=True),
        *zip(after, below[:taken], strict=False),
    ]
    for mine, its in pairs:
        mine.load_state_dict(its.state_dict())
    for block in after[taken:-1]:
        nn.init.zeros_(block.conv[-1].weight)
        nn.init.zeros_(block.conv[-1].bias)
    entry, exit_ = _linear(above[: 1 - len(before)]), _linear(below[taken:])
    _fold(before[0], lambda impulses: entry(F.pixel_shuffle(impulses, 2**encoded)))
    _fold(after[-1], lambda impulses: F.pixel_unshuffle(exit_(impulses), 2**decoded))
    return student


def _fine_stages(channels: int) -> int:
    """Stages between an end with that many channels and patches of ``PATCH``."""
    return int(math.log2(PATCH / math.isqrt(channels // 3)))


def _linear(layers: list[nn.Module]) -> nn.Sequential:
    """Layers without their blocks."""
    return nn.Sequential(*(layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Upsample)))


@torch.no_grad()
def _fold(convolution: nn.Conv2d, linear: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Set a 3x3 ``convolution`` to what ``linear`` does to patches, seen from its answers to impulses."""
    channels = convolution.in_channels
    impulses = torch.zeros(channels + 1, channels, 5, 5)  # the last stays empty: it shows the bias
    impulses[range(channels), range(channels), 2, 2] = 1.0
    answers = linear(impulses)
    bias = answers[-1:]
    convolution.weight.copy_((answers[:-1] - bias)[..., 1:4, 1:4].flip(2, 3).transpose(0, 1))
    convolution.bias.copy_(bias[0, :, 2, 2])


def distil(
    teacher: AutoencoderTiny,
    windows: np.ndarray,
    folder: Path,
    config: LoopConfig,
    batch: int = 8,
    crop: int = 96,
    sharpen_from: float = 0.7,
) -> AutoencoderTiny:
    """Train ``lighter(teacher)``: its encoder for the teacher's latents, its decoder for their pictures.

    The decoder's loss is the teacher's own (``train_autoencoder``), and the distance to its decoder on
    latents that no picture has: a denoiser's are soft, and patches would show there as a grid. An end that
    the student has from the teacher as it was is not trained.

    Args:
        windows: crops are drawn from all of it, a quarter of them sources; see ``video_pairs``.
        crop: side of a crop in pixels, a multiple of 8.
        sharpen_from: share of the steps after which the perceptual distance counts.
    """
    torch.manual_seed(config.seed)
    model = lighter(teacher).to(memory_format=torch.channels_last)
    model.encoder.requires_grad_(_fine_stages(teacher.config.in_channels) > 0)
    student = ImageAutoencoder(model)
    wanted = ImageAutoencoder(
        teacher.requires_grad_(False).to(torch.bfloat16, memory_format=torch.channels_last)
    )
    trunk = EfficientNetLite0()

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        crops = torch.from_numpy(_crops(windows, rng, batch, crop)).permute(0, 3, 1, 2)
        pictures = crops.float() / 127.5 - 1.0
        with torch.no_grad():
            latents = wanted.encode(pictures.bfloat16()).float()
            soft = _soft(latents, generator)
            teachers = wanted.decode(soft.bfloat16()).float()
        noise = torch.randn(latents.shape, generator=generator)
        with torch.autocast("cpu", torch.bfloat16):
            seen = student.encode(pictures).float()
            decoded, like = student.decode(torch.cat([latents + NOISE * noise, soft])).float().chunk(2)
        apart, unlike = F.mse_loss(seen, latents), picture_error(like, teachers)
        terms = {
            "loss": apart + picture_error(decoded, pictures) + unlike,
            "latents": apart.detach(),
            "unlike": unlike.detach(),
            "psnr": psnr(decoded, pictures),
        }
        if step >= sharpen_from * config.steps:
            terms["loss"] = terms["loss"] + PERCEPTUAL * texture_error(trunk, decoded, pictures)
        return terms

    return train(model, loss, folder, config)


def _soft(latents: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Latents (B, C, h, w) between those of two pictures, some blurred: as unsure as a denoiser's."""
    other, blurred = torch.rand(2, len(latents), 1, 1, 1, generator=generator)
    between = latents.lerp(latents.flip(0), 0.5 * other)
    return between.lerp(F.avg_pool2d(between, 3, 1, 1, count_include_pad=False), blurred)


def _crops(windows: np.ndarray, rng: np.random.Generator, batch: int, crop: int) -> np.ndarray:
    """uint8 RGB (batch, crop, crop, 3) out of windows (W, variants, frames, size, size, 3)."""
    size = windows.shape[-2]
    out = np.empty((batch, crop, crop, 3), np.uint8)
    for slot in range(batch):
        window, frame = int(rng.integers(len(windows))), int(rng.integers(windows.shape[2]))
        variant = int(rng.choice(len(SHARES), p=SHARES))
        top, left = rng.integers(0, size - crop + 1, 2)
        out[slot] = windows[window, variant, frame, top : top + crop, left : left + crop]
    return out

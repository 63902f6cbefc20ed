"""``demo-image``: a cheaper ``AutoencoderTiny`` distilled from a wider one, for the same latents.

The student works on patches of 4x4 pixels: none of its layers sees the picture at full size or half of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from torch import nn

from ...engine.autoencoders.image import ImageAutoencoder
from ..metrics.perceptual import EfficientNetLite0, distance
from ..training.loop import LoopConfig, train
from .image_training import PERCEPTUAL

PATCH = 4
FINE = 2
"""Stages of the teacher above the patches: full and half size."""


def lighter(teacher: AutoencoderTiny) -> AutoencoderTiny:
    """A network on patches that starts with the teacher's weights.

    What the teacher does at full and half size is linear but for its blocks there: without them it is one
    convolution of patches, which the student begins with. Every other layer is the teacher's.
    """
    config = {name: value for name, value in teacher.config.items() if not name.startswith("_")}
    config["in_channels"] = config["out_channels"] = 3 * PATCH**2
    for name in ("encoder_block_out_channels", "num_encoder_blocks"):
        config[name] = config[name][FINE:]
    for name in ("decoder_block_out_channels", "num_decoder_blocks"):
        config[name] = config[name][:-FINE]
    student = AutoencoderTiny.from_config(config)
    before, after = list(student.encoder.layers), list(student.decoder.layers)
    above, below = list(teacher.encoder.layers), list(teacher.decoder.layers)
    kept = (*above[1 - len(before) :], *below[: len(after) - 1])
    for mine, its in zip((*before[1:], *after[:-1]), kept, strict=True):
        mine.load_state_dict(its.state_dict())
    _fold(before[0], above[: 1 - len(before)], encodes=True)
    _fold(after[-1], below[len(after) - 1 :], encodes=False)
    return student


@torch.no_grad()
def _fold(convolution: nn.Conv2d, layers: list[nn.Module], *, encodes: bool) -> None:
    """Set a 3x3 ``convolution`` to what ``layers`` do between patches, their blocks left out."""
    linear = nn.Sequential(*(layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Upsample)))
    channels = convolution.in_channels
    impulses = torch.zeros(channels + 1, channels, 5, 5)  # the last stays empty: it shows the bias
    impulses[range(channels), range(channels), 2, 2] = 1.0
    if encodes:
        answers = linear(F.pixel_shuffle(impulses, PATCH))
    else:
        answers = F.pixel_unshuffle(linear(impulses), PATCH)
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
    """Train ``lighter(teacher)`` on random crops of a pool of windows, a third of them sources.

    The encoder learns the teacher's latents. The decoder learns pictures from the student's latents and
    from the teacher's, slightly noisy, and, from mixtures of two latents, the teacher's pictures: a denoiser
    that is not sure writes such mixtures. In the last steps a perceptual distance is added.

    Args:
        windows: see ``video_pairs``.
        crop: side of a crop in pixels, a multiple of 8.
        sharpen_from: share of the steps after which the perceptual distance counts.
    """
    torch.manual_seed(config.seed)
    model = lighter(teacher).to(memory_format=torch.channels_last)
    student, judged = ImageAutoencoder(model), EfficientNetLite0()
    wanted = ImageAutoencoder(
        teacher.requires_grad_(False).to(torch.bfloat16, memory_format=torch.channels_last)
    )

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        crops = torch.from_numpy(_crops(windows, rng, batch, crop))
        pictures = crops.permute(0, 3, 1, 2).float() / 127.5 - 1.0
        with torch.no_grad():
            latents = wanted.encode(pictures.bfloat16())
            share = torch.rand(batch // 2, 1, 1, 1, generator=generator).bfloat16()
            mixed = torch.lerp(latents[: batch // 2], latents[batch // 2 :], share)
            blurred = wanted.decode(mixed).float()
            noise = 0.03 * torch.randn(latents.shape, generator=generator)
        with torch.autocast("cpu", torch.bfloat16):
            seen = student.encode(pictures).float()
            half = torch.cat([seen[: batch // 2], (latents + noise)[batch // 2 :]])
            decoded, unsure = (
                student.decode(torch.cat([half, mixed.float()])).float().split([batch, batch // 2])
            )
        error = F.mse_loss(decoded, pictures)
        apart = F.mse_loss(seen, latents.float())
        terms = {
            "loss": error + 0.05 * F.l1_loss(decoded, pictures) + 0.3 * apart + F.mse_loss(unsure, blurred),
            "psnr": 10.0 * torch.log10(4.0 / error.detach()),
            "latents": apart.detach(),
        }
        if step >= sharpen_from * config.steps:
            with torch.autocast("cpu", torch.bfloat16):
                maps = (judged.maps((picture + 1.0) * 127.5) for picture in (pictures, decoded))
                far = distance(*maps).mean()
            terms |= {"loss": terms["loss"] + PERCEPTUAL * far, "apart": far.detach()}
        return terms

    return train(model, loss, folder, config)


def _crops(windows: np.ndarray, rng: np.random.Generator, batch: int, crop: int) -> np.ndarray:
    """uint8 RGB (batch, crop, crop, 3) out of windows (W, variants, frames, size, size, 3)."""
    size = windows.shape[-2]
    out = np.empty((batch, crop, crop, 3), np.uint8)
    for slot in range(batch):
        window, variant, frame = (int(rng.integers(length)) for length in windows.shape[:3])
        top, left = rng.integers(0, size - crop + 1, 2)
        out[slot] = windows[window, variant, frame, top : top + crop, left : left + crop]
    return out

"""``demo-image``: a cheaper ``AutoencoderTiny`` for the latents and the pictures of a teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny
from torch import nn

from ...engine.autoencoders.image import ImageAutoencoder
from ..training.loop import LoopConfig, train

ENCODED, DECODED = 2, 1
"""Stages of the teacher that the student's encoder and decoder leave out, from full size on."""


def lighter(teacher: AutoencoderTiny) -> AutoencoderTiny:
    """A network on patches that starts with the teacher's weights: no layer of it sees the full size.

    Stages without blocks are linear, so what the teacher does in them is one convolution of patches. The
    demo's teacher has no blocks at full size: the decoder is the teacher's but for a pixel at the edge. The
    encoder leaves out half size, too, where there are blocks: it has to learn.
    """
    config = {name: value for name, value in teacher.config.items() if not name.startswith("_")}
    config["in_channels"], config["out_channels"] = 3 * 4**ENCODED, 3 * 4**DECODED
    for name in ("encoder_block_out_channels", "num_encoder_blocks"):
        config[name] = config[name][ENCODED:]
    for name in ("decoder_block_out_channels", "num_decoder_blocks"):
        config[name] = config[name][:-DECODED]
    student = AutoencoderTiny.from_config(config)
    before, after = list(student.encoder.layers), list(student.decoder.layers)
    above, below = list(teacher.encoder.layers), list(teacher.decoder.layers)
    kept = (*above[1 - len(before) :], *below[: len(after) - 1])
    for mine, its in zip((*before[1:], *after[:-1]), kept, strict=True):
        mine.load_state_dict(its.state_dict())
    entry = _linear(above[: 1 - len(before)])
    _fold(before[0], lambda impulses: entry(F.pixel_shuffle(impulses, 2**ENCODED)))
    exit_ = _linear(below[len(after) - 1 :])
    _fold(after[-1], lambda impulses: F.pixel_unshuffle(exit_(impulses), 2**DECODED))
    return student


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
) -> AutoencoderTiny:
    """Train the encoder of ``lighter(teacher)`` for the teacher's latents; the decoder stays as it starts.

    Args:
        windows: crops are drawn from all of it, a third of them sources; see ``video_pairs``.
        crop: side of a crop in pixels, a multiple of 8.
    """
    torch.manual_seed(config.seed)
    model = lighter(teacher).to(memory_format=torch.channels_last)
    model.decoder.requires_grad_(False)
    student = ImageAutoencoder(model)
    wanted = ImageAutoencoder(
        teacher.requires_grad_(False).to(torch.bfloat16, memory_format=torch.channels_last)
    )

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        crops = torch.from_numpy(_crops(windows, rng, batch, crop)).permute(0, 3, 1, 2)
        pictures = crops.float() / 127.5 - 1.0
        with torch.no_grad():
            latents = wanted.encode(pictures.bfloat16()).float()
        with torch.autocast("cpu", torch.bfloat16):
            seen = student.encode(pictures).float()
        return {"loss": F.mse_loss(seen, latents)}

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

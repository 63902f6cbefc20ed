"""The teacher of ``demo-image``: a narrow ``AutoencoderTiny`` (8x smaller, 16 channels)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny

from ..metrics.perceptual import EfficientNetLite0, distance
from ..training.loop import LoopConfig, train
from ..training.pairs import VARIANTS

PERCEPTUAL = 0.004  # weight of the perceptual distance beside the squared error


def build(width: int = 32) -> AutoencoderTiny:
    """The demo configuration: most blocks where the picture is small, so that a CPU keeps up."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 4,
        decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=(0, 2, 4, 5),
        num_decoder_blocks=(5, 4, 2, 0),
        latent_channels=16,
    )


def train_autoencoder(
    pool: np.ndarray,
    folder: Path,
    config: LoopConfig,
    batch: int = 16,
    crop: int = 128,
    sharpen_from: float = 0.7,
) -> AutoencoderTiny:
    """Train on random crops of the pool, a quarter of them sources, the others styled.

    The loss is the squared error plus a little absolute error, and in the last steps a perceptual
    distance, which keeps the texture that squared error gives up. Latents are held near unit scale
    and the decoder sees them slightly noisy, because a denoiser will write them.

    Args:
        pool: see ``pairs``.
        crop: side of a crop in pixels.
        sharpen_from: share of the steps after which the perceptual distance counts.
    """
    torch.manual_seed(config.seed)
    model = build().to(memory_format=torch.channels_last)
    trunk = EfficientNetLite0()

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        pictures = torch.from_numpy(_crops(pool, rng, batch, crop)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            latents = model.encode(pictures).latents.float()
            noise = torch.randn(latents.shape, generator=generator)
            decoded = model.decode(latents + 0.03 * noise).sample.float()
        mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        scale = mean.square().mean() + (spread - 1.0).square().mean()
        terms = {
            "loss": picture_error(decoded, pictures) + 0.002 * scale,
            "psnr": psnr(decoded, pictures),
            "std": spread.detach().mean(),
        }
        if step >= sharpen_from * config.steps:
            apart = texture_error(trunk, decoded, pictures)
            terms |= {"loss": terms["loss"] + PERCEPTUAL * apart, "apart": apart.detach()}
        return terms

    def preview(model: torch.nn.Module, path: Path) -> None:
        rows = [pool[i, :: max(1, len(VARIANTS) // 7)] for i in range(0, len(pool), max(1, len(pool) // 3))]
        pictures = np.concatenate(rows)[:24]
        with torch.no_grad():
            x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
            y = model.decode(model.encode(x).latents).sample
        y = np.uint8((y.clamp(-1, 1).permute(0, 2, 3, 1).numpy() + 1.0) * 127.5 + 0.5)
        both = np.concatenate(
            [np.concatenate([a, b]) for a, b in zip(pictures[:8], y[:8], strict=True)], axis=1
        )
        cv2.imwrite(str(path), both[..., ::-1])

    return train(model, loss, folder, config, preview)


def picture_error(decoded: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """Squared error plus a little absolute error."""
    return F.mse_loss(decoded, pictures) + 0.05 * F.l1_loss(decoded, pictures)


def psnr(decoded: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """In dB, of pictures in -1..1, for the log."""
    return 10.0 * torch.log10(4.0 / F.mse_loss(decoded.detach(), pictures))


def texture_error(trunk: EfficientNetLite0, decoded: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """The mean perceptual distance of pictures in -1..1."""
    with torch.autocast("cpu", torch.bfloat16):
        wanted, seen = (trunk.maps((picture + 1.0) * 127.5) for picture in (pictures, decoded))
    return distance(wanted, seen).mean()


def _crops(pool: np.ndarray, rng: np.random.Generator, batch: int, crop: int) -> np.ndarray:
    size = pool.shape[2]
    out = np.empty((batch, crop, crop, 3), np.uint8)
    for slot in range(batch):
        index = int(rng.integers(len(pool)))
        variant = int(rng.integers(1, len(VARIANTS))) if rng.random() < 0.75 else 0
        top, left = rng.integers(0, size - crop + 1, 2)
        out[slot] = pool[index, variant, top : top + crop, left : left + crop]
    return out

"""``demo-image``: a narrow ``AutoencoderTiny`` (8x smaller, 16 channels) for photographs and paintings."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny

from .loop import LoopConfig, train
from .pairs import VARIANTS


def build(width: int = 32) -> AutoencoderTiny:
    """The demo configuration: most blocks where the picture is small, so that a CPU keeps up."""
    return AutoencoderTiny(
        encoder_block_out_channels=(width,) * 4,
        decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=(0, 2, 4, 5),
        num_decoder_blocks=(5, 4, 2, 0),
        latent_channels=16,
    )


def train_autoencoder(pool: np.ndarray, folder: Path, config: LoopConfig, batch: int = 16, crop: int = 128):
    """Train on random crops of the pool, half of them sources, half of them styled.

    The loss is the squared error plus a little absolute error for crispness. Latents are held
    near unit scale and the decoder sees them slightly noisy, because a denoiser will write them.
    """
    torch.manual_seed(config.seed)
    model = build().to(memory_format=torch.channels_last)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        pictures = torch.from_numpy(_crops(pool, rng, batch, crop)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            latents = model.encode(pictures).latents.float()
            noise = torch.randn(latents.shape, generator=generator)
            decoded = model.decode(latents + 0.03 * noise).sample.float()
        error = F.mse_loss(decoded, pictures)
        mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        scale = mean.square().mean() + (spread - 1.0).square().mean()
        total = error + 0.05 * F.l1_loss(decoded, pictures) + 0.002 * scale
        return {
            "loss": total,
            "psnr": 10.0 * torch.log10(4.0 / error.detach()),
            "std": spread.detach().mean(),
        }

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


def _crops(pool: np.ndarray, rng: np.random.Generator, batch: int, crop: int) -> np.ndarray:
    size = pool.shape[2]
    out = np.empty((batch, crop, crop, 3), np.uint8)
    for slot in range(batch):
        index = int(rng.integers(len(pool)))
        variant = int(rng.integers(1, len(VARIANTS))) if rng.random() < 0.75 else 0
        top, left = rng.integers(0, size - crop + 1, 2)
        out[slot] = pool[index, variant, top : top + crop, left : left + crop]
    return out

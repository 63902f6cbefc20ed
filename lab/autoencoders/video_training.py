"""``demo-video``: a narrow causal TAEHV (4 frames and 8x8 pixels to a latent, 12 channels)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from ...engine.networks.taehv import TAEHV, MemBlock, TAEHVConfig, TGrow, TPool
from ..metrics.perceptual import EfficientNetLite0, distance
from ..training.loop import LoopConfig, train

PERCEPTUAL = 0.004  # weight of the perceptual distance beside the squared error
STEADY = 0.25  # weight of the error's change from frame to frame, which the eye sees as flicker
# Grey, red to blue, green to magenta: squared errors count 1, 2 and 6 times along these axes, about
# inversely to how much real clips vary there. With equal weights the third is never learnt.
OPPONENT = torch.tensor([[3.0**-0.5] * 3, [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
SHARES = (0.4, 0.3, 0.3)  # how often a window is a source, classical, painterly

DEMO = TAEHVConfig(
    latent_channels=12,
    patch=2,
    encoder_channels=(32, 32, 64, 64),
    encoder_blocks=(0, 1, 2),
    encoder_time=(2, 2, 1),
    encoder_space=(1, 2, 2),
    decoder_channels=(80, 64, 32, 32),
    decoder_blocks=(2, 2, 1),
    decoder_space=(2, 2, 1),
    decoder_time=(1, 2, 2),
    lead=3,
)


def train_video_autoencoder(
    pool: np.ndarray,
    folder: Path,
    config: LoopConfig,
    batch: int = 6,
    frames: int = 13,
    crop: int = 96,
    sharpen_from: float = 0.65,
    device: str = "cpu",
) -> TAEHV:
    """Train on random crops of the windows, forwards and backwards in time.

    The loss is the squared error in opponent colours, a little absolute error, the error's change
    over time, and in the last steps a perceptual distance, which keeps the texture that squared
    error gives up.
    Latents are held near unit scale and the decoder sees them slightly noisy, because a denoiser
    will write them. A window starts as a stream does, with empty memory.

    Args:
        pool: see ``video_pairs``.
        batch, frames, crop: windows, frames (1 + 4 n) and side in pixels of a step.
        sharpen_from: share of the steps after which the perceptual distance counts.
    """
    torch.manual_seed(config.seed)
    model = start(TAEHV(DEMO)).to(device, memory_format=torch.channels_last)
    trunk = EfficientNetLite0()
    trunk.network.to(device)

    def loss(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((config.seed, step))
        wanted = _to_frames(draw_crops(pool, rng, batch, frames, crop)).to(device)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            latents = encode_clip(model, wanted).float()
            noise = torch.randn(latents.shape, generator=generator).to(device)
            seen = decode_clip(model, latents + 0.03 * noise).float()
        away = 2.0 * (seen - wanted)  # on the scale -1..1, as the image autoencoder's terms are
        error = away.square().mean()
        away = torch.einsum("ij,btjhw->btihw", OPPONENT.to(away.device), away)
        mean, spread = latents.mean((0, 1, 3, 4)), latents.std((0, 1, 3, 4))
        scale = mean.square().mean() + (spread - 1.0).square().mean()
        flicker = away.diff(dim=1).square().mean()
        terms = {
            "loss": away.square().mean() + 0.05 * away.abs().mean() + STEADY * flicker + 0.002 * scale,
            "psnr": 10.0 * torch.log10(4.0 / error.detach()),
            "std": spread.detach().mean(),
        }
        if step >= sharpen_from * config.steps:
            picks = torch.from_numpy(rng.choice(frames, 3, replace=False))
            with torch.autocast(torch.device(device).type, torch.bfloat16):
                maps = [trunk.maps(255.0 * clip[:, picks].flatten(0, 1)) for clip in (wanted, seen)]
            apart = distance(*maps).mean()
            terms |= {"loss": terms["loss"] + PERCEPTUAL * apart, "apart": apart.detach()}
        return terms

    def preview(model: torch.nn.Module, path: Path) -> None:
        rows = range(0, len(pool), max(1, len(pool) // 6))
        clips = np.stack([pool[i, place % pool.shape[1]] for place, i in enumerate(rows)][:6])
        with torch.no_grad():
            wanted = _to_frames(clips).to(device)
            seen = decode_clip(model, encode_clip(model, wanted))
        sheet = torch.cat([wanted, seen.clamp(0.0, 1.0)], dim=3)[:, ::4].permute(0, 3, 1, 4, 2).cpu()
        sheet = np.uint8(sheet.reshape(-1, sheet.shape[2] * sheet.shape[3], 3).numpy() * 255.0 + 0.5)
        cv2.imwrite(str(path), sheet[..., ::-1])

    return train(model, loss, folder, config, preview)


@torch.no_grad()
def start(model: TAEHV) -> TAEHV:
    """First weights that let signals through: torch's own shrink them at each of some thirty layers.

    Blocks begin as their shortcut, ``TPool`` as the mean of its frames, ``TGrow`` as copies.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                module.bias.zero_()
    for module in model.modules():
        if isinstance(module, MemBlock):
            for conv in module.conv[:-1:2]:
                nn.init.kaiming_normal_(conv.weight)
            module.conv[-1].weight.mul_(0.1)
        elif isinstance(module, TPool | TGrow):
            weight = module.conv.weight
            outputs, inputs = weight.shape[:2]
            width = min(outputs, inputs)
            frames = torch.eye(width).repeat(outputs // width, inputs // width) * width / inputs
            weight.copy_(frames[..., None, None] + 0.1 * weight)
    return model


def encode_clip(model: TAEHV, frames: torch.Tensor) -> torch.Tensor:
    """A clip (B, 1 + 4 n, 3, H, W) from its beginning to latents (B, 1 + n, C, h, w)."""
    lead = frames[:, :1].expand(-1, model.config.lead, -1, -1, -1)
    return model.encode(torch.cat([lead, frames], dim=1))[0]


def decode_clip(model: TAEHV, latents: torch.Tensor) -> torch.Tensor:
    """Latents of a clip from its beginning to its frames, not yet limited to 0..1."""
    return model.decode(latents)[0][:, model.config.temporal - 1 :]


def draw_crops(pool: np.ndarray, rng: np.random.Generator, batch: int, frames: int, crop: int) -> np.ndarray:
    """uint8 (batch, frames, crop, crop, 3): random windows, places and times; half run backwards."""
    length, side = pool.shape[2], pool.shape[3]
    out = np.empty((batch, frames, crop, crop, 3), np.uint8)
    for slot in range(batch):
        index, variant = rng.integers(len(pool)), rng.choice(len(SHARES), p=SHARES)
        first = rng.integers(length - frames + 1)
        top, left = rng.integers(0, side - crop + 1, 2)
        clip = pool[index, variant, first : first + frames, top : top + crop, left : left + crop]
        out[slot] = clip[::-1] if rng.random() < 0.5 else clip
    return out


def _to_frames(clips: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 1, 4, 2, 3).float() / 255.0
